//! The type `postgresql`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::common_fields::{CA, DATABASE, HOST, PASSWORD, TLS, USER, port, text_option, timeout_option};
use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence};

/// A PostgreSQL server, or one that speaks its protocol.
pub const POSTGRESQL: ConnectorType = ConnectorType {
    name: "postgresql",
    title: "PostgreSQL",
    doc: "PostgreSQL, and what speaks its protocol: Greenplum, Redshift, CockroachDB, openGauss.",
    fields: &[
        HOST,
        port(5432),
        DATABASE,
        USER,
        PASSWORD,
        TLS,
        CA,
        Field {
            key: "options",
            kind: FieldKind::Object(OPTIONS),
            presence: Presence::Optional,
            doc: "Settings of each session.",
        },
    ],
};

/// Settings that neither read files nor weaken the check of the server.
const OPTIONS: &[Field] = &[
    text_option("application_name", "What the server shows as the client."),
    text_option("search_path", "The schemas in which names are looked for."),
    text_option("timezone", "The zone of times in texts."),
    text_option("role", "The role that statements run as."),
    timeout_option(
        "statement_timeout",
        "The limit of one statement, in milliseconds.",
    ),
    timeout_option(
        "lock_timeout",
        "The limit of the wait for one lock, in milliseconds.",
    ),
    timeout_option(
        "idle_in_transaction_session_timeout",
        "The limit of an idle transaction, in milliseconds.",
    ),
];

/// The fields of a database server. It holds a secret: it is never printed.
#[derive(Deserialize)]
pub struct DatabaseFields {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// Who logs in.
    pub user: String,
    /// The password of the user.
    pub password: Option<String>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The authorities that may vouch for the server, in PEM.
    pub ca: Option<String>,
    /// Settings of each session, texts and numbers.
    #[serde(default)]
    pub options: Map<String, Value>,
}
