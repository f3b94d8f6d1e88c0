//! The type `smtp`.

use serde::Deserialize;

use super::common_fields::{CA, HOST, PASSWORD, port};
use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// A mail server.
pub const SMTP: ConnectorType = ConnectorType {
    name: "smtp",
    title: "SMTP",
    doc: "A mail server that accepts messages.",
    fields: &[
        HOST,
        port(587),
        Field {
            key: "security",
            kind: FieldKind::Value(ValueKind::Choice(&["none", "starttls", "tls"])),
            presence: Presence::Default("starttls"),
            doc: "Whether the connection is encrypted: never, after a greeting in the clear, or from its begin.",
        },
        CA,
        Field {
            key: "user",
            kind: FieldKind::Value(ValueKind::Line),
            presence: Presence::Optional,
            doc: "Who logs in; without it messages are sent without a login.",
        },
        PASSWORD,
        Field {
            key: "from",
            kind: FieldKind::Value(ValueKind::Line),
            presence: Presence::Required("it is the sender of the messages, like `porpoise@example.org`"),
            doc: "The sender of the messages.",
        },
    ],
};

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// Not at all.
    None,
    /// After a greeting in the clear.
    Starttls,
    /// From its begin.
    Tls,
}

/// Its fields. They hold a secret: they are never printed.
#[derive(Deserialize)]
pub struct SmtpFields {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: SmtpSecurity,
    /// The authorities that may vouch for the server, in PEM.
    pub ca: Option<String>,
    /// Who logs in.
    pub user: Option<String>,
    /// The password of the user.
    pub password: Option<String>,
    /// The sender of the messages.
    pub from: String,
}
