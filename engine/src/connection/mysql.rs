//! The type `mysql`; its fields are read as [`super::postgresql::DatabaseFields`].

use super::common_fields::{CA, DATABASE, HOST, PASSWORD, TLS, USER, port, text_option};
use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence};

/// A MySQL server, or one that speaks its protocol.
pub const MYSQL: ConnectorType = ConnectorType {
    name: "mysql",
    title: "MySQL",
    doc: "MySQL, and what speaks its protocol: MariaDB, TiDB, Doris, StarRocks, OceanBase.",
    fields: &[
        HOST,
        port(3306),
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

/// Settings that neither read nor send files, nor weaken the check of the server.
const OPTIONS: &[Field] = &[
    text_option(
        "charset",
        "The character set of the session; utf8mb4 unless given.",
    ),
    text_option("collation", "The collation of the session."),
    text_option("timezone", "The zone of the session, for example `+00:00`."),
];
