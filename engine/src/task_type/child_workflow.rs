//! The fields of every type that starts instances of another workflow.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::{Field, FieldKind, Presence};
use super::value_kind::ValueKind;
use crate::params::text::{Place, TextInterpolator};

/// The key of the parameters that children are started with.
pub(crate) const PARAMS_KEY: &str = "params";

/// The workflow that is started.
pub(super) const WORKFLOW: Field = Field {
    key: "workflow",
    kind: FieldKind::Value(ValueKind::Name),
    presence: Presence::Required("it is the name of the workflow that is started"),
    doc: "The workflow that is started.",
};

/// The project of the workflow.
pub(super) const PROJECT: Field = Field {
    key: "project",
    kind: FieldKind::Value(ValueKind::Name),
    presence: Presence::Optional,
    doc: "The project of that workflow; the document's own when it is left out.",
};

/// The version of the workflow.
pub(super) const VERSION: Field = Field {
    key: "version",
    kind: FieldKind::Value(ValueKind::Integer {
        min: 1,
        max: i64::MAX,
    }),
    presence: Presence::Optional,
    doc: "The version that is started; the current one at the start of the attempt when it is left out.",
};

/// The parameters of the start.
pub(super) const PARAMS: Field = Field {
    key: PARAMS_KEY,
    kind: FieldKind::Value(ValueKind::ParamValues),
    presence: Presence::Optional,
    doc: "The parameters of each start, by name; placeholders are replaced by what the task sees.",
};

/// The workflow that children run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChildWorkflow {
    /// Its project; none means that of the parent.
    pub project: Option<String>,
    /// Its name.
    #[serde(rename = "workflow")]
    pub name: String,
    /// Its version; none means the current one.
    pub version: Option<i64>,
}

/// Replaces the placeholders of every text inside a value.
pub(super) fn interpolate_value(interpolator: &mut TextInterpolator<'_>, value: &mut Value) {
    match value {
        Value::String(text) => *text = interpolator.interpolate(text, Place::Text),
        Value::Array(list) => list
            .iter_mut()
            .for_each(|value| interpolate_value(interpolator, value)),
        Value::Object(map) => map
            .values_mut()
            .for_each(|value| interpolate_value(interpolator, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces the placeholders in fields by key.
pub(super) fn interpolate_fields(
    fields: &mut Map<String, Value>,
    keys: &[&str],
    mut interpolator: TextInterpolator<'_>,
) -> super::definition::Preparation {
    for key in keys {
        if let Some(value) = fields.get_mut(*key) {
            interpolate_value(&mut interpolator, value);
        }
    }
    super::definition::Preparation {
        warnings: interpolator.into_warnings(),
        ..super::definition::Preparation::default()
    }
}
