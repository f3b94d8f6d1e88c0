//! The type `approval`: a question that a person decides.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::definition::{Preparation, TaskType};
use super::field::{Field, FieldKind, Presence};
use super::site::{ExecutionSite, WatchKind};
use super::value_kind::ValueKind;
use crate::params::text::{Place, TextInterpolator};
use crate::params::time::TimeBase;

/// Waits for the decision of a person.
pub const APPROVAL: TaskType = TaskType {
    name: "approval",
    doc: "Waits until a person approves or rejects.",
    site: ExecutionSite::Owner(WatchKind::Approval),
    fields: &[
        Field {
            key: "message",
            kind: FieldKind::Value(ValueKind::Text),
            presence: Presence::Required("it says what is asked, for example \"Publish?\""),
            doc: "What is asked, with parameters put in when the attempt starts.",
        },
        Field {
            key: "approvers",
            kind: FieldKind::Value(ValueKind::Approvers),
            presence: Presence::Optional,
            doc: "Users, and groups as `group:NAME`, who may decide; without it everyone who may execute.",
        },
        Field {
            key: "inputs",
            kind: FieldKind::Value(ValueKind::ApprovalInputs),
            presence: Presence::Optional,
            doc: "What an approval answers; answers become outputs of the task.",
        },
        Field {
            key: "on_timeout",
            kind: FieldKind::Value(ValueKind::Choice(&["fail", "approve", "reject"])),
            presence: Presence::Default("fail"),
            doc: "What the time limit does.",
        },
    ],
    secret_fields: &[],
    prepare,
};

fn prepare(
    fields: &mut Map<String, Value>,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> Preparation {
    let mut interpolator = TextInterpolator::new(values, base);
    if let Some(Value::String(message)) = fields.get_mut("message") {
        *message = interpolator.interpolate(message, Place::Text);
    }
    Preparation {
        warnings: interpolator.into_warnings(),
        ..Preparation::default()
    }
}
