//! The type `python`: a script for Python.

use serde::Deserialize;

use super::background::{BACKGROUND, BackgroundPolicy};
use super::definition::TaskType;
use super::field::{Field, FieldKind, Presence};
use super::program::ProgramWords;
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
            doc: "The program that reads the script, with its arguments: a list of words, or a text that is split at \
                  blanks.",
        },
        BACKGROUND,
    ],
    secret_fields: &[],
    prepare: prepare_script,
};

/// The fields of a prepared action.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PythonFields {
    /// The script.
    pub run: String,
    /// The program that reads it.
    pub python: ProgramWords,
    /// What becomes of the processes that it leaves behind.
    #[serde(default)]
    pub background: BackgroundPolicy,
}
