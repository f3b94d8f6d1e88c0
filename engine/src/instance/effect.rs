//! The work that is done outside once a decision is stored.

use crate::ids::{AttemptNumber, DispatchId, TaskIndex, Timestamp};
use crate::states::KillCause;
use crate::task::WatchGoal;
use crate::task_type::WatchKind;

/// What is to be done outside once the changes are stored. Each can be derived again by `pending_effects`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The task needs a slot.
    RequestSlot {
        /// The task.
        task_index: TaskIndex,
    },
    /// Its slot, or its slot request, is not needed any more.
    CancelSlot {
        /// The task.
        task_index: TaskIndex,
    },
    /// Send the attempt to its worker.
    Dispatch {
        /// The task.
        task_index: TaskIndex,
        /// The attempt.
        uid: DispatchId,
    },
    /// Ask the worker to kill the attempt.
    Kill {
        /// The task.
        task_index: TaskIndex,
        /// The attempt.
        uid: DispatchId,
        /// Why.
        cause: KillCause,
    },
    /// Complete an attempt that runs in the owner, as an event of the next batch.
    CompleteInline {
        /// The task.
        task_index: TaskIndex,
        /// The attempt.
        attempt: AttemptNumber,
    },
    /// Look at what an attempt that runs in the owner waits for, and report it.
    Watch {
        /// The task.
        task_index: TaskIndex,
        /// The attempt.
        attempt: AttemptNumber,
        /// What it waits for.
        kind: WatchKind,
        /// What it wants of that.
        goal: WatchGoal,
    },
    /// Send `Due` at this time.
    WakeAt {
        /// When.
        at: Timestamp,
    },
    /// A time limit with a warning has passed.
    Warn {
        /// The task, or none for the instance's own limit.
        task_index: Option<TaskIndex>,
        /// The readable text.
        text: String,
    },
    /// Nothing is left to be done: the owner releases the instance.
    Release,
    /// The event changed nothing.
    Ignore {
        /// Why, as a readable text.
        reason: String,
    },
}
