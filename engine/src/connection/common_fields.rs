//! The fields that several types of connections have.

use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// The fields of every connection.
pub(super) const COMMON: &[Field] = &[
    Field {
        key: "description",
        kind: FieldKind::Value(ValueKind::Text),
        presence: Presence::Optional,
        doc: "For people.",
    },
    Field {
        key: "worker_group",
        kind: FieldKind::Value(ValueKind::Name),
        presence: Presence::Optional,
        doc: "The group whose workers test it; `default` unless given.",
    },
];

/// The name or address of a server.
pub(super) const HOST: Field = Field {
    key: "host",
    kind: FieldKind::Value(ValueKind::Host),
    presence: Presence::Required("it is the name or address of the server"),
    doc: "The name or address of the server.",
};

/// The name of a database.
pub(super) const DATABASE: Field = Field {
    key: "database",
    kind: FieldKind::Value(ValueKind::Line),
    presence: Presence::Required("it is the name of the database"),
    doc: "The database.",
};

/// Who logs in.
pub(super) const USER: Field = Field {
    key: "user",
    kind: FieldKind::Value(ValueKind::Line),
    presence: Presence::Required("it is the name that logs in"),
    doc: "Who logs in.",
};

/// The password of the user.
pub(super) const PASSWORD: Field = Field {
    key: "password",
    kind: FieldKind::Value(ValueKind::Secret),
    presence: Presence::Optional,
    doc: "The password of the user.",
};

/// Whether the connection is encrypted.
pub(super) const TLS: Field = Field {
    key: "tls",
    kind: FieldKind::Value(ValueKind::Boolean),
    presence: Presence::DefaultBoolean(false),
    doc: "Encrypts the connection and checks the server's certificate and name.",
};

/// Who may vouch for the server.
pub(super) const CA: Field = Field {
    key: "ca",
    kind: FieldKind::Value(ValueKind::Certificates),
    presence: Presence::Optional,
    doc: "The authorities that may vouch for the server, in PEM; those of the worker's machine unless given.",
};

/// Returns the port of a server.
pub(super) const fn port(default: i64) -> Field {
    Field {
        key: "port",
        kind: FieldKind::Value(ValueKind::Integer { min: 1, max: 65_535 }),
        presence: Presence::DefaultInteger(default),
        doc: "The port of the server.",
    }
}

/// Returns an option with a text.
pub(super) const fn text_option(key: &'static str, doc: &'static str) -> Field {
    Field {
        key,
        kind: FieldKind::Value(ValueKind::Line),
        presence: Presence::Optional,
        doc,
    }
}

/// Returns an option with a number of milliseconds.
pub(super) const fn timeout_option(key: &'static str, doc: &'static str) -> Field {
    Field {
        key,
        kind: FieldKind::Value(ValueKind::Integer {
            min: 0,
            max: i32::MAX as i64,
        }),
        presence: Presence::Optional,
        doc,
    }
}
