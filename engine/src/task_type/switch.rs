//! The type `switch`: chooses tasks by values.

use serde::Deserialize;

use super::action::TaskAction;
use super::definition::{Preparation, TaskType};
use super::field::{Field, FieldKind, Presence};
use super::site::ExecutionSite;
use super::value_kind::ValueKind;

/// Decides in the owner.
pub const SWITCH: TaskType = TaskType {
    name: "switch",
    doc: "Chooses tasks by the first case whose expression is true.",
    site: ExecutionSite::Decision,
    fields: &[
        Field {
            key: "cases",
            kind: FieldKind::Value(ValueKind::Cases),
            presence: Presence::Required(
                "it lists { when, then }: an expression, and the tasks that it chooses",
            ),
            doc: "Expressions with the tasks after it that each chooses; the first that is true counts.",
        },
        Field {
            key: "default",
            kind: FieldKind::Value(ValueKind::TaskNames),
            presence: Presence::Required("it names what runs when no case holds, [] for nothing"),
            doc: "The tasks after it that run when no case holds.",
        },
    ],
    secret_fields: &[],
    prepare: |_, _, _| Preparation::default(),
};

/// The fields of a `switch` task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SwitchFields {
    /// In the order in which they are asked.
    pub cases: Vec<SwitchCase>,
    /// The tasks that run when no case holds.
    pub default: Vec<String>,
}

/// A case of a switch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SwitchCase {
    /// The expression.
    pub when: String,
    /// The tasks that run when it is true.
    pub then: Vec<String>,
}

/// Reads the fields of an action; none when it is not of this type.
pub(crate) fn read_switch(action: &TaskAction) -> Option<SwitchFields> {
    (action.type_name() == SWITCH.name)
        .then(|| action.read_fields())
        .flatten()
}
