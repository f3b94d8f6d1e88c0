//! The type `email`.

use serde::Deserialize;

use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// The subject of a message whose channel has none.
pub const DEFAULT_SUBJECT: &str =
    "[porpoise] {{ alert.text }}{% if alerts|length > 1 %} (and {{ alerts|length - 1 }} more){% endif %}";

/// Messages by a mail server.
pub const EMAIL: ConnectorType = ConnectorType {
    name: "email",
    title: "E-mail",
    doc: "Sends e-mail by a mail server, as text and HTML with the tasks that failed.",
    fields: &[
        Field {
            key: "connection",
            kind: FieldKind::Value(ValueKind::Name),
            presence: Presence::Required("it names the smtp connection that sends"),
            doc: "The smtp connection that sends; of a shared channel a shared one.",
        },
        Field {
            key: "to",
            kind: FieldKind::Value(ValueKind::MailAddresses),
            presence: Presence::Required("it lists who gets the messages, for example [ops@example.org]"),
            doc: "Who gets the messages.",
        },
        Field {
            key: "cc",
            kind: FieldKind::Value(ValueKind::MailAddresses),
            presence: Presence::Optional,
            doc: "Who gets a copy.",
        },
        Field {
            key: "subject",
            kind: FieldKind::Value(ValueKind::Template),
            presence: Presence::Default(DEFAULT_SUBJECT),
            doc: "A template over `alerts`, `alert` (the first) and `delivery`.",
        },
    ],
};

/// The fields of an `email` channel.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct EmailFields {
    /// The name of the smtp connection.
    pub connection: String,
    /// Who gets the messages.
    pub to: Vec<String>,
    /// Who gets a copy.
    #[serde(default)]
    pub cc: Vec<String>,
    /// A template.
    pub subject: String,
}
