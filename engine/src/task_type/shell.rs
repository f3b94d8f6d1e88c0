//! The type `shell`: a script for a shell.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::action::TaskAction;
use super::background::{BACKGROUND, BackgroundPolicy};
use super::definition::{Preparation, TaskType};
use super::field::{Field, FieldKind, Presence};
use super::program::{ProgramWords, shebang_words};
use super::script::{SCRIPT_KEY, prepare_script};
use super::site::ExecutionSite;
use super::value_kind::ValueKind;
use crate::params::time::TimeBase;

/// The key of the program that reads the script.
const INTERPRETER_KEY: &str = "interpreter";

/// The program unless the document or the script names one.
const DEFAULT_INTERPRETER: &str = "/bin/sh";

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
            key: INTERPRETER_KEY,
            kind: FieldKind::Value(ValueKind::Program),
            presence: Presence::Optional,
            doc: "The program that reads the script, with its arguments: a list of words, or a text that is split at \
                  blanks. Without it: the `#!` line of the script, else `/bin/sh`.",
        },
        BACKGROUND,
    ],
    secret_fields: &[],
    prepare: prepare_shell,
};

/// The fields of a prepared action.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShellFields {
    /// The script.
    pub run: String,
    /// The program that reads it.
    pub interpreter: ProgramWords,
    /// What becomes of the processes that it leaves behind.
    #[serde(default)]
    pub background: BackgroundPolicy,
}

/// Prepares the script, and finds its interpreter.
fn prepare_shell(
    fields: &mut Map<String, Value>,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> Preparation {
    if !fields.contains_key(INTERPRETER_KEY) {
        let script = fields.get(SCRIPT_KEY).and_then(Value::as_str);
        let interpreter = script
            .and_then(shebang_words)
            .map_or_else(|| json!(DEFAULT_INTERPRETER), |words| json!(words));
        fields.insert(INTERPRETER_KEY.to_owned(), interpreter);
    }
    prepare_script(fields, values, base)
}

/// Returns the action of a script for the default shell.
pub fn shell_action(script: &str) -> TaskAction {
    TaskAction::new(&SHELL, vec![(SCRIPT_KEY, Value::from(script))])
}
