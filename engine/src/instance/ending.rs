//! The end of what runs, when its instance ends.

use super::draft::InstanceDraft;
use crate::ids::TaskIndex;
use crate::states::KillCause;
use crate::task::TaskEvent;

/// Whether attempts of a task wait in the owner for something outside.
pub(super) fn waits_in_owner(draft: &InstanceDraft<'_>, task_index: TaskIndex) -> bool {
    let plan = draft.plan();
    let task = plan.task(task_index);
    task.is_some_and(|task| plan.site_of(task).watch_kind().is_some())
}

/// Ends attempts in the owner that a pause suspended.
pub(super) fn end_suspended_attempts(draft: &mut InstanceDraft<'_>, cause: KillCause, reason: &str) {
    for task_index in draft.rows().idle_attempts() {
        if waits_in_owner(draft, task_index) {
            let reason = reason.to_owned();
            draft.step_task(task_index, TaskEvent::End { cause, reason });
        }
    }
}

/// Kills running attempts; what has not started never will.
pub(super) fn end_active_tasks(draft: &mut InstanceDraft<'_>, cause: KillCause, reason: &str) {
    end_suspended_attempts(draft, cause, reason);
    for task_index in draft.rows().active() {
        let reason = reason.to_owned();
        draft.step_task(task_index, TaskEvent::End { cause, reason });
    }
}
