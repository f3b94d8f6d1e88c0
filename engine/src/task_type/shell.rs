//! The type `shell`: a script for a shell.

use serde::Deserialize;
use serde_json::Value;

use super::action::TaskAction;
use super::definition::TaskType;
use super::field::{Field, FieldKind, Presence};
use super::script::{SCRIPT_KEY, prepare_script};
use super::site::ExecutionSite;
use super::value_kind::ValueKind;

/// Runs a script on a worker.
pub const SHELL: TaskType = TaskType {
    name: "shell",
    doc: "Runs a shell script.",
    site: ExecutionSite::Worker,
    fields: &[
        Field {
            key: SCRIPT_KEY,
            kind: FieldKind::Value(ValueKind::Script),
            presence: Presence::Required("it is the script"),
            doc: "The script.",
        },
        Field {
            key: "interpreter",
            kind: FieldKind::Value(ValueKind::Program),
            presence: Presence::Default("/bin/sh"),
            doc: "Path or name of the program that reads the script, without arguments.",
        },
    ],
    prepare: prepare_script,
};

/// The fields of a prepared action.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShellFields {
    /// The script.
    pub run: String,
    /// The program that reads it.
    pub interpreter: String,
}

/// Returns the action of a script for the default shell.
pub fn shell_action(script: &str) -> TaskAction {
    TaskAction::new(&SHELL, vec![(SCRIPT_KEY, Value::from(script))])
}
