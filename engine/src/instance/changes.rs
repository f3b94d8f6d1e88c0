//! The changes of one batch of events, committed as one unit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::record::InstanceRecord;
use crate::alert::event::AlertEvent;
use crate::ids::{AttemptNumber, OperationId, TaskIndex};
use crate::limits::LimitChange;
use crate::place::PlaceRequest;
use crate::start::Start;
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
/// An unbound attempt keeps its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reset {
    /// Rerun: every row loses its reason, due time, outputs, the instance they come from, `started_at` and `ended_at`; its attempts are those of
    /// earlier runs.
    All,
    /// The next run of these rows, or their retries counted again: as `All`, but they keep `started_at` and `ended_at`.
    NextRun(BTreeSet<TaskIndex>),
    /// The next run of these rows from the beginning: as `NextRun`, but instances that they started are not taken over.
    FreshRun(BTreeSet<TaskIndex>),
    /// Resume from paused: these rows lose their reason and due time, and continue their run.
    Continue(BTreeSet<TaskIndex>),
}

impl Reset {
    /// Returns the tasks whose rows it touches; none means every row.
    pub fn tasks(&self) -> Option<&BTreeSet<TaskIndex>> {
        match self {
            Self::All => None,
            Self::NextRun(tasks) | Self::FreshRun(tasks) | Self::Continue(tasks) => Some(tasks),
        }
    }

    /// Whether the reset touches the row of a task.
    pub(super) fn touches(&self, task_index: TaskIndex) -> bool {
        self.tasks().is_none_or(|tasks| tasks.contains(&task_index))
    }

    /// Resets those rows that it touches.
    pub fn reset_rows<'a>(&self, rows: impl Iterator<Item = (TaskIndex, &'a mut Task)>) {
        for (_, task) in rows.filter(|(task_index, _)| self.touches(*task_index)) {
            self.reset_row(task);
        }
    }

    fn reset_row(&self, task: &mut Task) {
        task.state = TaskState::Pending;
        task.reason = None;
        task.due_at = None;
        match self {
            Self::Continue(_) => return,
            Self::NextRun(_) => {}
            Self::FreshRun(_) => task.progress = None,
            Self::All => {
                task.started_at = None;
                task.ended_at = None;
                task.progress = None;
            }
        }
        task.outputs.clear();
        task.reused = None;
        task.attempts_before_run = task.attempts;
        task.lost_in_run = 0;
        task.expired_waits = 0;
    }
}

/// Something that rules of alerts may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedEvent {
    /// What it is.
    pub event: AlertEvent,
    /// The task, or none for the instance's own.
    pub task_index: Option<TaskIndex>,
    /// The attempt that it concerns.
    pub attempt: Option<AttemptNumber>,
    /// Why it occurred, as a readable text.
    pub reason: Option<String>,
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
    /// The choices of the start, when a command changed its parameters or its priority.
    pub start: Option<Arc<Start>>,
    /// Applied to the stored rows before `tasks`.
    pub reset: Option<Reset>,
    /// Attempts to close although a later one of the same task is in `tasks`.
    pub closed: Vec<(TaskIndex, Attempt)>,
    /// The task rows that changed, with their latest attempt.
    pub tasks: BTreeMap<TaskIndex, Task>,
    /// What becomes of the rows of tasks in the queues of their limits.
    pub limits: Vec<LimitChange>,
    /// The history.
    pub transitions: Vec<Transition>,
    /// What rules of alerts may name of it, with the reasons.
    pub events: Vec<RaisedEvent>,
    /// Operations decided in this batch.
    pub decisions: Vec<OperationDecision>,
    /// What the commit needs of the places of instances.
    pub place: Option<PlaceRequest>,
    /// The instance is idle afterwards: owner and host become NULL in the same statement.
    pub releases_owner: bool,
}

impl Changes {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
