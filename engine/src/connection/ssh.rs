//! The type `ssh`.

use serde::Deserialize;

use super::common_fields::{HOST, PASSWORD, USER, port};
use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// A host that runs commands.
pub const SSH: ConnectorType = ConnectorType {
    name: "ssh",
    title: "SSH",
    doc: "A host that runs commands.",
    fields: &[
        HOST,
        port(22),
        USER,
        PASSWORD,
        Field {
            key: "private_key",
            kind: FieldKind::Value(ValueKind::Secret),
            presence: Presence::Optional,
            doc: "The private key of the user, in the format of OpenSSH or PEM, without a passphrase.",
        },
        Field {
            key: "known_hosts",
            kind: FieldKind::Value(ValueKind::Text),
            presence: Presence::Optional,
            doc: "The keys of the host, as lines of a known_hosts file.",
        },
        Field {
            key: "accept_new",
            kind: FieldKind::Value(ValueKind::Boolean),
            presence: Presence::DefaultBoolean(false),
            doc: "Stores the key of a host without a line in known_hosts at the first contact.",
        },
    ],
};

/// Its fields. They hold secrets: they are never printed.
#[derive(Deserialize)]
pub struct SshFields {
    /// The host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// The password of the user.
    pub password: Option<String>,
    /// The private key of the user.
    pub private_key: Option<String>,
    /// The keys of the host, as lines of a known_hosts file.
    pub known_hosts: Option<String>,
    /// Whether the key of an unknown host is stored at the first contact.
    pub accept_new: bool,
    /// The key that was accepted at the first contact, as lines of a known_hosts file.
    #[serde(default)]
    pub accepted_keys: Option<String>,
}
