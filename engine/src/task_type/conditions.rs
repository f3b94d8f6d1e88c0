//! The type `conditions`: chooses tasks by what became of others.

use serde::Deserialize;

use super::action::TaskAction;
use super::definition::{Preparation, TaskType};
use super::field::{Field, FieldKind, Presence};
use super::site::ExecutionSite;
use super::value_kind::ValueKind;

pub(crate) use super::task_result::TaskResult;

/// Decides in the owner.
pub const CONDITIONS: TaskType = TaskType {
    name: "conditions",
    doc: "Chooses tasks by what became of those that it needs.",
    site: ExecutionSite::Decision,
    fields: &[
        Field {
            key: "all",
            kind: FieldKind::Value(ValueKind::Conditions),
            presence: Presence::Optional,
            doc: "It holds when all of these hold. Each is { task, is }, or a nested `all` or `any`.",
        },
        Field {
            key: "any",
            kind: FieldKind::Value(ValueKind::Conditions),
            presence: Presence::Optional,
            doc: "It holds when one of these holds; takes the place of `all`.",
        },
        Field {
            key: "then",
            kind: FieldKind::Value(ValueKind::TaskNames),
            presence: Presence::Optional,
            doc: "The tasks after it that run when it holds.",
        },
        Field {
            key: "else",
            kind: FieldKind::Value(ValueKind::TaskNames),
            presence: Presence::Optional,
            doc: "The tasks after it that run when it does not hold.",
        },
    ],
    secret_fields: &[],
    prepare: |_, _, _| Preparation::default(),
};

/// The fields of a `conditions` task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConditionsFields {
    /// What is asked.
    #[serde(flatten)]
    pub question: Condition,
    /// The tasks that run when it holds.
    #[serde(default)]
    pub then: Vec<String>,
    /// The tasks that run when it does not hold.
    #[serde(default, rename = "else")]
    pub otherwise: Vec<String>,
}

/// A condition about tasks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    /// All of these hold.
    All {
        /// At least one.
        all: Vec<Condition>,
    },
    /// One of these holds.
    Any {
        /// At least one.
        any: Vec<Condition>,
    },
    /// One task ended so.
    Task {
        /// Its name.
        task: String,
        /// How.
        is: TaskResult,
    },
}

impl Condition {
    /// Whether it holds; `result_of` returns what became of a task.
    pub(crate) fn holds(&self, result_of: &dyn Fn(&str) -> Option<TaskResult>) -> bool {
        match self {
            Self::All { all } => all.iter().all(|item| item.holds(result_of)),
            Self::Any { any } => any.iter().any(|item| item.holds(result_of)),
            Self::Task { task, is } => result_of(task) == Some(*is),
        }
    }
}

/// Reads the fields of an action; none when it is not of this type.
pub(crate) fn read_conditions(action: &TaskAction) -> Option<ConditionsFields> {
    (action.type_name() == CONDITIONS.name)
        .then(|| action.read_fields())
        .flatten()
}
