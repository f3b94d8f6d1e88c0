//! The kills of what runs, when an instance ends.

use super::draft::InstanceDraft;
use crate::states::KillCause;
use crate::task::TaskEvent;

/// Kills running attempts; what has not started never will.
pub(super) fn end_active_tasks(draft: &mut InstanceDraft<'_>, cause: KillCause, reason: &str) {
    end_suspended_attempts(draft, cause, reason);
    for task_index in draft.rows().active() {
        let reason = reason.to_owned();
        draft.step_task(task_index, TaskEvent::End { cause, reason });
    }
}

/// Ends attempts in the owner that a pause suspended.
pub(super) fn end_suspended_attempts(draft: &mut InstanceDraft<'_>, cause: KillCause, reason: &str) {
    for task_index in draft.rows().idle_attempts() {
        if draft.waits_in_owner(task_index) {
            let reason = reason.to_owned();
            draft.step_task(task_index, TaskEvent::End { cause, reason });
        }
    }
}
