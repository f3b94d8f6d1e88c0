//! What a reset makes of a row.

use super::Reset;
use crate::states::TaskState;
use crate::task::Task;

impl Reset {
    /// Whether the reset touches a row in this state.
    pub(super) fn touches(self, state: TaskState) -> bool {
        self.states().is_none_or(|states| states.contains(&state))
    }

    /// Returns the row as it is after the reset.
    pub(super) fn row(self, mut task: Task) -> Task {
        task.state = TaskState::Pending;
        task.reason = None;
        task.due_at = None;
        if self != Self::Held {
            task.attempts_before_run = task.attempts;
            task.lost_in_run = 0;
        }
        if self == Self::All {
            task.outputs.clear();
            task.started_at = None;
            task.ended_at = None;
        }
        task
    }
}
