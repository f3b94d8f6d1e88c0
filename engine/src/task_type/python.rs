//! The type `python`: a script for Python.

use serde::Deserialize;

use super::definition::TaskType;
use super::field::{Field, FieldKind, Presence};
use super::script::{SCRIPT_KEY, prepare_script};
use super::site::ExecutionSite;
use super::value_kind::ValueKind;

/// Runs a Python script on a worker.
pub const PYTHON: TaskType = TaskType {
    name: "python",
    doc: "Runs a Python script.",
    site: ExecutionSite::Worker,
    fields: &[
        Field {
            key: SCRIPT_KEY,
            kind: FieldKind::Value(ValueKind::Script),
            presence: Presence::Required("it is the script"),
            doc: "The script.",
        },
        Field {
            key: "python",
            kind: FieldKind::Value(ValueKind::Program),
            presence: Presence::Default("python3"),
            doc: "Path or name of the program that reads the script, without arguments.",
        },
    ],
    prepare: prepare_script,
};

/// The fields of a prepared action.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PythonFields {
    /// The script.
    pub run: String,
    /// The program that reads it.
    pub python: String,
}
