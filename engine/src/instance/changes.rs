//! The changes of one batch of events, committed as one unit.

use std::collections::BTreeMap;

use super::record::InstanceRecord;
use crate::ids::{AttemptNumber, OperationId, TaskIndex};
use crate::states::{OperationStatus, TaskState};
use crate::task::{Attempt, Task};

/// One stored step of a state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The task, or none for the instance's own.
    pub task_index: Option<TaskIndex>,
    /// The attempt that it concerns.
    pub attempt: Option<AttemptNumber>,
    /// The state before, by name; none when it was created.
    pub from: Option<&'static str>,
    /// The state after, by name.
    pub to: &'static str,
    /// Why, as a readable text.
    pub why: String,
}

/// Rows that go back to `pending` with one statement; one transition is recorded for each that left another state.
///
/// Each reset row gets `attempts_before_run = attempts`, `lost_in_run = 0`, no reason, no due time; a row
/// reset by `All` also loses outputs, `started_at` and `ended_at`. An unbound attempt keeps its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Rerun: every row.
    All,
    /// Recover: `failed`, `killed`, `not_run`.
    FailedAndKilled,
    /// Resume from stopped: `killed`, `not_run`.
    Killed,
    /// Resume from paused: `not_run`; `attempts_before_run` and `lost_in_run` stay.
    Suspended,
}

impl Reset {
    /// Returns the states of the rows that it touches; none means every row.
    pub fn states(self) -> Option<&'static [TaskState]> {
        match self {
            Self::All => None,
            Self::FailedAndKilled => Some(&[TaskState::Failed, TaskState::Killed, TaskState::NotRun]),
            Self::Killed => Some(&[TaskState::Killed, TaskState::NotRun]),
            Self::Suspended => Some(&[TaskState::NotRun]),
        }
    }

    /// Whether the reset touches a row in this state.
    pub(super) fn touches(self, state: TaskState) -> bool {
        self.states().is_none_or(|states| states.contains(&state))
    }

    /// Resets a row.
    pub(super) fn reset_row(self, task: &mut Task) {
        task.state = TaskState::Pending;
        task.reason = None;
        task.due_at = None;
        if self != Self::Suspended {
            task.attempts_before_run = task.attempts;
            task.lost_in_run = 0;
        }
        if self == Self::All {
            task.outputs.clear();
            task.started_at = None;
            task.ended_at = None;
        }
    }
}

/// The decision on one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationDecision {
    /// The inbox row.
    pub operation: OperationId,
    /// Applied or refused.
    pub status: OperationStatus,
    /// Why it was refused, as a readable text.
    pub detail: Option<String>,
}

/// What one batch of events changes; committed as one unit, then folded into the state by `apply`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// The instance's row, when it changed.
    pub record: Option<InstanceRecord>,
    /// Applied to the stored rows before `tasks`.
    pub reset: Option<Reset>,
    /// Attempts to close although a later one of the same task is in `tasks`.
    pub closed: Vec<(TaskIndex, Attempt)>,
    /// The task rows that changed, with their latest attempt.
    pub tasks: BTreeMap<TaskIndex, Task>,
    /// The history.
    pub transitions: Vec<Transition>,
    /// Operations decided in this batch.
    pub decisions: Vec<OperationDecision>,
    /// The instance is idle afterwards: owner and host become NULL in the same statement.
    pub releases_owner: bool,
}

impl Changes {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
