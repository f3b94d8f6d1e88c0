//! The type `dynamic`: one instance of another workflow for each combination of values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::child_workflow::{PARAMS, PARAMS_KEY, PROJECT, VERSION, WORKFLOW, interpolate_fields};
use super::definition::{Preparation, TaskType};
use super::field::{Field, FieldKind, Presence};
use super::site::{ExecutionSite, WatchKind};
use super::value_kind::ValueKind;
use crate::params::text::TextInterpolator;
use crate::params::time::TimeBase;

/// The most combinations of one task.
pub const MAX_COMBINATIONS: i64 = 10_000;

/// The most children of one task that are open at a time.
const MAX_PARALLELISM: i64 = 1_000;

/// Starts one instance of another workflow for each combination of values.
pub const DYNAMIC: TaskType = TaskType {
    name: "dynamic",
    doc: "Starts one instance of another workflow for each combination of values.",
    site: ExecutionSite::Owner(WatchKind::Children),
    fields: &[
        WORKFLOW,
        PROJECT,
        VERSION,
        PARAMS,
        Field {
            key: "over",
            kind: FieldKind::Value(ValueKind::ValueLists),
            presence: Presence::Required(
                "it names parameters with their values, for example { region: [eu, us] }",
            ),
            doc: "Parameters with the values that they take in turn: a list, or a text that is a JSON array or is \
                  split at `separator`. The last one changes fastest.",
        },
        Field {
            key: "separator",
            kind: FieldKind::Value(ValueKind::Separator),
            presence: Presence::Default(","),
            doc: "Where the texts of `over` are split.",
        },
        Field {
            key: "filter",
            kind: FieldKind::Value(ValueKind::Texts),
            presence: Presence::Optional,
            doc: "Values of `over` that are left out.",
        },
        Field {
            key: "parallelism",
            kind: FieldKind::Value(ValueKind::Integer {
                min: 1,
                max: MAX_PARALLELISM,
            }),
            presence: Presence::DefaultInteger(1),
            doc: "The most children that are open at a time.",
        },
        Field {
            key: "max",
            kind: FieldKind::Value(ValueKind::Integer {
                min: 1,
                max: MAX_COMBINATIONS,
            }),
            presence: Presence::DefaultInteger(1_024),
            doc: "The most combinations; more fail the task.",
        },
        Field {
            key: "on_failure",
            kind: FieldKind::Value(ValueKind::Choice(&["continue", "stop"])),
            presence: Presence::Default("continue"),
            doc: "Whether further children start once more than `tolerate` have failed or were stopped.",
        },
        Field {
            key: "tolerate",
            kind: FieldKind::Value(ValueKind::Integer {
                min: 0,
                max: MAX_COMBINATIONS,
            }),
            presence: Presence::DefaultInteger(0),
            doc: "The number of children that may fail or be stopped.",
        },
    ],
    secret_fields: &[],
    prepare,
};

/// Whether further children start after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildFailurePolicy {
    /// All run, whatever becomes of the others.
    Continue,
    /// None starts once more than tolerated have failed.
    Stop,
}

/// The fields of a prepared action, but for those of the started workflow.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DynamicFields {
    /// The parameters that all children get.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Names with a list or a text.
    pub over: Map<String, Value>,
    /// Where texts are split.
    pub separator: String,
    /// Values that are left out.
    #[serde(default)]
    pub filter: Vec<String>,
    /// The most combinations.
    pub max: u32,
    /// The most children that are open at a time.
    pub parallelism: u32,
    /// Whether further children start after failures.
    pub on_failure: ChildFailurePolicy,
    /// How many children may fail or be stopped.
    pub tolerate: u32,
}

fn prepare(
    fields: &mut Map<String, Value>,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> Preparation {
    let keys = [PARAMS_KEY, "over", "separator", "filter"];
    interpolate_fields(fields, &keys, TextInterpolator::new(values, base))
}
