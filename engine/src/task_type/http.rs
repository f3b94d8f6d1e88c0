//! The type `http`: one HTTP request.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::{Preparation, TaskType};
use super::field::{Field, FieldKind, Presence};
use super::site::ExecutionSite;
use super::value_kind::ValueKind;
use crate::params::secret_slots::{SecretSlot, SlotTarget};
use crate::params::text::{Place, TextInterpolator};
use crate::params::time::TimeBase;

/// Sends a request from a worker.
pub const HTTP: TaskType = TaskType {
    name: "http",
    doc: "Sends one HTTP request.",
    site: ExecutionSite::Worker,
    fields: &[
        Field {
            key: "connection",
            kind: FieldKind::Value(ValueKind::Connection(&["http"])),
            presence: Presence::Optional,
            doc: "A connection whose url the relative url of the request is put behind, with its headers, auth and tls.",
        },
        Field {
            key: "request",
            kind: FieldKind::Object(REQUEST),
            presence: Presence::Required(
                "it says what to send, for example { url: \"https://example.org\" }",
            ),
            doc: "What is sent.",
        },
        Field {
            key: "expect",
            kind: FieldKind::Object(EXPECT),
            presence: Presence::Optional,
            doc: "What counts as a success; 200 to 299 when it is left out.",
        },
    ],
    secret_fields: &[&["request", "url"], &["request", "headers"], &["request", "body"]],
    prepare,
};

const REQUEST: &[Field] = &[
    Field {
        key: "method",
        kind: FieldKind::Value(ValueKind::Choice(&[
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
        ])),
        presence: Presence::Default("GET"),
        doc: "The HTTP method.",
    },
    Field {
        key: "url",
        kind: FieldKind::Value(ValueKind::Url),
        presence: Presence::Required("it begins with http:// or https://"),
        doc: "The address; with a `connection` a path below its url, which begins with `/`.",
    },
    Field {
        key: "headers",
        kind: FieldKind::Value(ValueKind::Headers),
        presence: Presence::Optional,
        doc: "The headers.",
    },
    Field {
        key: "body",
        kind: FieldKind::Value(ValueKind::Text),
        presence: Presence::Optional,
        doc: "The body.",
    },
];

const EXPECT: &[Field] = &[Field {
    key: "status",
    kind: FieldKind::Value(ValueKind::StatusCodes),
    presence: Presence::Required("it lists the status codes that are a success"),
    doc: "The status codes that are a success.",
}];

/// The fields of a prepared action.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HttpFields {
    /// The name of the connection that is used.
    pub connection: Option<String>,
    /// What is sent.
    pub request: HttpRequest,
    /// What counts as a success; `None` means 200 to 299.
    pub expect: Option<HttpExpectation>,
}

/// What an http task sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HttpRequest {
    /// An HTTP method, upper case.
    pub method: String,
    /// The address.
    pub url: String,
    /// Names and texts, in document order.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// The body.
    pub body: Option<String>,
}

/// What an http task counts as a success.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HttpExpectation {
    /// The status codes.
    pub status: Vec<u16>,
}

fn prepare(
    fields: &mut Map<String, Value>,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> Preparation {
    let mut interpolator = TextInterpolator::new(values, base);
    let mut secrets = Vec::new();
    if let Some(Value::Object(request)) = fields.get_mut("request") {
        let mut interpolate_text = |value: &mut Value, place: Place, pointer: String| {
            if let Value::String(text) = value {
                let (replaced, insertions) = interpolator.interpolate_with_secrets(text, place);
                *text = replaced;
                secrets.extend(SecretSlot::all_of(&SlotTarget::Field(pointer), insertions));
            }
        };
        if let Some(Value::Object(headers)) = request.get_mut("headers") {
            for (name, value) in headers {
                let name = name.replace('~', "~0");
                interpolate_text(value, Place::Text, format!("/request/headers/{name}"));
            }
        }
        let body = match request.get("headers") {
            Some(Value::Object(headers)) if is_json(headers) => Place::Json,
            _ => Place::Text,
        };
        for (key, place) in [("url", Place::Url), ("body", body)] {
            if let Some(value) = request.get_mut(key) {
                interpolate_text(value, place, format!("/request/{key}"));
            }
        }
    }
    Preparation {
        secrets,
        warnings: interpolator.into_warnings(),
        ..Preparation::default()
    }
}

/// Whether the headers say that the body is JSON.
fn is_json(headers: &Map<String, Value>) -> bool {
    let content_type = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .and_then(|(_, value)| value.as_str());
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    media_type == "application/json" || media_type.ends_with("+json")
}
