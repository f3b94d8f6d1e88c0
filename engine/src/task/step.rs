//! The types of one step of the task machine.

use super::report::TaskReport;
use super::row::{Attempt, Task};
use super::watch::Opening;
use crate::ids::{Epoch, Generation, InstanceId, TaskIndex, Timestamp};
use crate::limits::TaskLimits;
use crate::spec::model::{RetryPolicy, TaskDefinition};
use crate::states::{KillCause, TaskState};
use crate::task_type::ExecutionSite;

/// What the instance lets its tasks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceMode {
    /// Tasks start, and wait for their next attempt.
    Open,
    /// Running attempts may end; nothing starts and nothing is waited for.
    Pausing,
    /// Running attempts are killed: a stop, the failure strategy `end`, or the instance's time limit.
    Ending,
}

/// What a step must know besides the row.
#[derive(Debug, Clone, Copy)]
pub struct StepContext<'a> {
    /// The task's definition.
    pub task: &'a TaskDefinition,
    /// Where it runs.
    pub site: ExecutionSite,
    /// The wait after it became ready, in milliseconds.
    pub delay_ms: Option<i64>,
    /// When a failed attempt is followed by another.
    pub retry: RetryPolicy,
    /// The limit of one attempt, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// The group whose slots it uses.
    pub worker_group: &'a str,
    /// The limits that it needs room in.
    pub limits: TaskLimits<'a>,
    /// What the instance allows.
    pub mode: InstanceMode,
    /// The time of the event.
    pub at: Timestamp,
    /// The epoch of new attempts.
    pub epoch: Epoch,
    /// A part of every uid.
    pub generation: Generation,
    /// A part of every uid.
    pub instance: InstanceId,
    /// A part of every uid.
    pub task_index: TaskIndex,
}

/// What can happen to a task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskEvent {
    /// Its edges let it start.
    Ready,
    /// Its edges skip it.
    Skip {
        /// Why.
        reason: String,
    },
    /// Its edges never let it start in this run.
    NeverStart {
        /// Why.
        reason: String,
    },
    /// Its `when` has no result.
    CannotStart {
        /// Why.
        reason: String,
    },
    /// How its attempt in the owner begins.
    Opened(Opening),
    /// Something was reported about it.
    Report(TaskReport),
    /// Its due time may have passed.
    Due,
    /// The instance is being paused.
    Suspend,
    /// The instance resumes after a pause.
    Resumed,
    /// The instance ends: running attempts are killed, what has not started never will.
    End {
        /// Why.
        cause: KillCause,
        /// The same as a readable text.
        reason: String,
    },
    /// The paused instance ended as failed: no next attempt.
    Abandon,
    /// A person declares it a success; an open attempt is killed first.
    Force {
        /// Who did, as a readable text.
        reason: String,
    },
}

/// What a task requests from its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEffect {
    /// Request a slot on a worker.
    RequestSlot,
    /// Wait in the queues of its limits.
    RequestRoom,
    /// Wait for a slot of a worker alone: its limits had room.
    AwaitWorker,
    /// Its slot, or its slot request, is of no use to it.
    CancelSlot,
    /// Complete its attempt in the owner, as an event of the next batch.
    CompleteInline,
    /// Decide how its attempt in the owner begins.
    Open,
    /// Look at what its attempt in the owner waits for.
    Watch,
    /// Ask the worker to kill its attempt.
    Kill,
    /// Report that a time limit has passed.
    Warn(String),
    /// A time limit has passed, and the attempt ends by it.
    TimedOut(String),
    /// Store the end of an attempt that a later one replaces in the row.
    Close(Attempt),
    /// The event changed nothing, for this reason.
    Ignore(String),
}

/// What one event made of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskStep {
    /// The row afterwards.
    pub task: Task,
    /// Why it changed, as a readable text; none when it did not.
    pub why: Option<String>,
    /// What is requested from the instance.
    pub effects: Vec<TaskEffect>,
}

impl TaskStep {
    /// Returns a step that left the row as it was.
    pub(super) fn unchanged(task: Task, effects: Vec<TaskEffect>) -> Self {
        Self {
            task,
            why: None,
            effects,
        }
    }

    /// Returns a step that only says why the event means nothing to this task.
    pub(super) fn ignored(task: Task, reason: &str) -> Self {
        let reason = format!("{reason} ({})", task.state);
        Self::unchanged(task, vec![TaskEffect::Ignore(reason)])
    }

    /// Returns a step that changed the row.
    pub(super) fn changed(task: Task, why: impl Into<String>, effects: Vec<TaskEffect>) -> Self {
        Self {
            task,
            why: Some(why.into()),
            effects,
        }
    }

    /// Returns a step into a state without a due time, with the reason in the row and in the history.
    pub(super) fn entered(mut task: Task, state: TaskState, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        task.state = state;
        task.due_at = None;
        task.reason = Some(reason.clone());
        Self::changed(task, reason, Vec::new())
    }
}
