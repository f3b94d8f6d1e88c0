//! The begin of an attempt that starts instances.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::attempt::AttemptEnd;
use crate::children::{FanOut, open_fan_out};
use crate::ids::{AttemptNumber, Timestamp};
use crate::params::TimeBase;
use crate::spec::model::TaskDefinition;
use crate::task::{Opening, Task};
use crate::task_type::sub_workflow::SUB_WORKFLOW;

/// Fixes what an attempt starts; `row` is that of the task, with the attempt that begins.
pub(super) fn open(
    task: &TaskDefinition,
    row: &Task,
    (values, base): (&BTreeMap<String, String>, TimeBase),
    at: Timestamp,
) -> Opening {
    let prepared = task.action.prepare(values, base);
    let fan_out = match open_fan_out(&prepared.action, first_attempt(task, row)) {
        Ok(fan_out) => fan_out,
        Err(error) => return Opening::Ends(AttemptEnd::hopeless(&error, at)),
    };
    match serde_json::to_value(&fan_out) {
        Ok(detail) => Opening::Waits {
            reason: fan_out.describe_wait(),
            failure_wait_ms: None,
            detail,
        },
        Err(error) => Opening::Ends(AttemptEnd::hopeless(&error.to_string(), at)),
    }
}

/// Returns the first attempt whose children belong to the one that begins. The retry of a `sub_workflow` starts a new
/// child; every other attempt takes over those of the last one of its lineage, whose row a run from the beginning
/// clears.
fn first_attempt(task: &TaskDefinition, row: &Task) -> AttemptNumber {
    let number = AttemptNumber(row.attempts);
    let before = row.progress.as_ref().map(|progress| &progress.detail);
    let lineage = before
        .filter(|detail| **detail != Value::Null)
        .and_then(|detail| serde_json::from_value::<FanOut>(detail.clone()).ok());
    let is_retry = row.attempts > row.attempts_before_run.saturating_add(1);
    match lineage {
        Some(_) if is_retry && task.action.type_name() == SUB_WORKFLOW.name => number,
        Some(lineage) => lineage.since,
        None => number,
    }
}
