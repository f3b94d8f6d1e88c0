//! The begin of an attempt that waits for instances of other workflows.

use crate::attempt::AttemptEnd;
use crate::dependent::{DependencyProgress, DependencyTask, WAITS_FOR_FIRST_LOOK};
use crate::ids::Timestamp;
use crate::spec::model::TaskDefinition;
use crate::task::Opening;

/// Fixes what the intervals of the attempt are relative to.
pub(super) fn open(task: &TaskDefinition, progress: DependencyProgress, at: Timestamp) -> Opening {
    let fields = DependencyTask::of_action(&task.action);
    match (fields, serde_json::to_value(progress)) {
        (Some(fields), Ok(detail)) => Opening::Waits {
            reason: WAITS_FOR_FIRST_LOOK.to_owned(),
            failure_wait_ms: fields.failure_wait_ms,
            detail,
        },
        (None, _) | (_, Err(_)) => Opening::Ends(AttemptEnd::hopeless("its fields cannot be read", at)),
    }
}
