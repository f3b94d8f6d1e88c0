//! What an attempt in the owner waits for.

use crate::ids::TaskIndex;
use crate::plan::Plan;
use crate::states::TaskState;
use crate::task::Task;
use crate::task_type::WatchKind;

/// Returns what a running attempt waits for in the owner; none when it is at work, or none runs.
pub(super) fn watch_of(plan: &Plan, task_index: TaskIndex, row: &Task) -> Option<WatchKind> {
    if row.state != TaskState::Running {
        return None;
    }
    plan.site_of(plan.definition.task(task_index)?).watch_kind()
}
