//! What is reported to a task from outside its instance.

use super::row::Worker;
use super::watch::Observation;
use crate::attempt::AttemptEvent;
use crate::ids::{AttemptNumber, DispatchId, TaskIndex};

/// A report about one task. Late and repeated ones are normal: each names the task and the attempt that it means.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskReport {
    /// The task got a slot.
    SlotGranted {
        /// The task.
        task_index: TaskIndex,
        /// Where.
        worker: Worker,
    },
    /// There is no slot for the task now.
    NoSlot {
        /// The task.
        task_index: TaskIndex,
        /// What is missing, as a readable text; names the group.
        reason: String,
    },
    /// The limits of the task have room for it now.
    RoomFound {
        /// The task.
        task_index: TaskIndex,
    },
    /// A limit had no room for the task when it was to be bound to a worker.
    NoRoom {
        /// The task.
        task_index: TaskIndex,
        /// What is missing, as a readable text; names the limit.
        reason: String,
    },
    /// Something happened to an attempt.
    Attempt {
        /// Which dispatch of it.
        uid: DispatchId,
        /// What.
        event: AttemptEvent,
    },
    /// The owner completed an inline attempt.
    CompletedInline {
        /// The task.
        task_index: TaskIndex,
        /// Which attempt.
        attempt: AttemptNumber,
    },
    /// The owner looked at what an attempt in it waits for.
    Observed {
        /// The task.
        task_index: TaskIndex,
        /// Which attempt.
        attempt: AttemptNumber,
        /// What it found.
        observation: Observation,
    },
}

impl TaskReport {
    /// Returns the task that it is about.
    pub fn task_index(&self) -> TaskIndex {
        match self {
            Self::SlotGranted { task_index, .. }
            | Self::NoSlot { task_index, .. }
            | Self::RoomFound { task_index }
            | Self::NoRoom { task_index, .. }
            | Self::CompletedInline { task_index, .. }
            | Self::Observed { task_index, .. } => *task_index,
            Self::Attempt { uid, .. } => uid.task_index,
        }
    }
}
