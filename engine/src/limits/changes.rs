//! What a commit makes of a task's rows in the queues of its limits.

use crate::ids::{AttemptNumber, TaskIndex, Timestamp};
use crate::spec::model::LimitUse;
use crate::states::Priority;

/// What a task does with its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitPhase {
    /// It waits for room. A task that waited before keeps its place.
    Waiting {
        /// When it became ready, unless it waited before.
        ready_at: Timestamp,
    },
    /// It had room, and waits for a slot of a worker: it holds up no other task that has room.
    AwaitingWorker,
    /// It takes its slots, all or none: the commit is refused where one lacks room.
    Holding {
        /// The attempt that is bound to a worker.
        attempt: AttemptNumber,
    },
    /// It gives up its slots and its places.
    Released,
}

/// What becomes of the rows of a task in the queues of its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitChange {
    /// The task.
    pub task_index: TaskIndex,
    /// What it does from now on.
    pub phase: LimitPhase,
    /// Whether it held slots before.
    pub held_before: HeldBefore,
    /// Its limits, each once; the cap of its project is among them.
    pub limits: Vec<LimitUse>,
    /// The group whose worker it needs.
    pub worker_group: String,
    /// How urgent its instance is.
    pub instance_priority: Priority,
    /// How urgent it is within its instance.
    pub task_priority: Priority,
}

/// Whether a task held slots of its limits before a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBefore {
    /// It was bound to a worker.
    Slots,
    /// It waited, or did not need any.
    Nothing,
}

impl LimitChange {
    /// Whether the slots in use of its limits may change.
    pub fn moves_slots(&self) -> bool {
        self.held_before == HeldBefore::Slots || matches!(self.phase, LimitPhase::Holding { .. })
    }

    /// Whether another task may have room afterwards, or a place nearer to the first.
    pub fn may_admit_others(&self) -> bool {
        !matches!(self.phase, LimitPhase::Holding { .. })
    }
}
