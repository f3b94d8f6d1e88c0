//! The type `sqlite`.

use serde::Deserialize;

use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// A file of SQLite on a worker.
pub const SQLITE: ConnectorType = ConnectorType {
    name: "sqlite",
    title: "SQLite",
    doc: "A SQLite file on the worker.",
    fields: &[Field {
        key: "path",
        kind: FieldKind::Value(ValueKind::Line),
        presence: Presence::Required(
            "it is a file below `worker.sqlite_dirs`, or in the folder of the attempt",
        ),
        doc: "The file: relative to the folder of the attempt, or below one of `worker.sqlite_dirs`.",
    }],
};

/// Its fields.
#[derive(Debug, Deserialize)]
pub struct SqliteFields {
    /// The file.
    pub path: String,
}
