//! The type `webhook`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// Requests to an address of the user's choice.
pub const WEBHOOK: ConnectorType = ConnectorType {
    name: "webhook",
    title: "Webhook",
    doc: "Sends an HTTP request.",
    fields: &[
        Field {
            key: "method",
            kind: FieldKind::Value(ValueKind::Choice(&["POST", "PUT", "PATCH"])),
            presence: Presence::Default("POST"),
            doc: "The HTTP method.",
        },
        Field {
            key: "url",
            kind: FieldKind::Value(ValueKind::ChannelUrl),
            presence: Presence::Required("it begins with http:// or https://"),
            doc: "The address.",
        },
        Field {
            key: "headers",
            kind: FieldKind::Value(ValueKind::Headers),
            presence: Presence::Optional,
            doc: "The headers; `Content-Type` is `application/json` unless one is given.",
        },
        Field {
            key: "body",
            kind: FieldKind::Value(ValueKind::Template),
            presence: Presence::Optional,
            doc: "A template over `alerts`, `alert` (the first) and `delivery`; all fields as JSON when it is left out.",
        },
        Field {
            key: "sign",
            kind: FieldKind::Value(ValueKind::Choice(&["none", "hmac_sha256", "bearer"])),
            presence: Presence::Default("none"),
            doc: "How the receiver knows the sender: by the header `Porpoise-Signature`, or by `Authorization: Bearer`.",
        },
        Field {
            key: "secret",
            kind: FieldKind::Value(ValueKind::Secret),
            presence: Presence::Optional,
            doc: "The key of the signature, or the token.",
        },
    ],
};

/// The fields of a `webhook` channel.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct WebhookFields {
    /// The HTTP method, upper case.
    pub method: String,
    /// The address.
    pub url: String,
    /// Names and texts.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// A template.
    pub body: Option<String>,
    /// How the receiver knows the sender.
    pub sign: WebhookSignature,
    /// The key, or the token.
    pub secret: Option<String>,
}

/// How a receiver knows the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookSignature {
    /// Not at all.
    None,
    /// By a signature of time and body.
    HmacSha256,
    /// By a token.
    Bearer,
}
