//! How an attempt that runs in the owner begins, decided in the commit in which it starts.

use serde_json::Value;

use super::draft::InstanceDraft;
use crate::ids::TaskIndex;
use crate::spec::model::TaskDefinition;
use crate::task::Opening;

/// Decides how the open attempt of a task begins. A type without an arm of its own waits for its first observation.
pub(super) fn open_attempt(_: &InstanceDraft<'_>, _: TaskIndex, task: &TaskDefinition) -> Opening {
    Opening::Waits {
        reason: format!("begins as {}", task.action.type_name()),
        failure_wait_ms: None,
        detail: Value::Null,
    }
}
