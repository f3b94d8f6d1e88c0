//! Which of the tasks that wait for a limit may try to start.

/// The slots of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitRoom {
    /// Slots that are not in use; negative after it was lowered or exceeded by force. None of a limit that is disabled.
    free: Option<i64>,
}

impl LimitRoom {
    /// Returns the room of a limit.
    pub fn new(slots: i64, used: i64) -> Self {
        Self {
            free: Some(slots - used),
        }
    }

    /// Returns the room of a limit that is disabled, or does not exist: everything has room.
    pub fn unlimited() -> Self {
        Self { free: None }
    }

    /// Whether that many slots are free.
    pub fn has_room(self, slots: i64) -> bool {
        self.free.is_none_or(|free| slots <= free)
    }

    /// Returns the room after that many slots were taken.
    pub fn without(self, slots: i64) -> Self {
        Self {
            free: self.free.map(|free| free - slots),
        }
    }
}

/// One task in the queue of a limit, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueuePlace {
    /// It waits for room in this limit only, or its other limits have room.
    Ready,
    /// Another of its limits lacks room for it, or has a task before it.
    BlockedElsewhere,
    /// It has had room, and waits for a slot of a worker.
    AwaitingWorker,
    /// A person lets it start over this limit.
    Forced,
}

/// What follows for one task of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueStep {
    /// It may start.
    Admit,
    /// It stays where it is, and holds up no other.
    Pass,
    /// It lacks room: neither it nor any task after it may start.
    Stop,
}

/// A walk along the queue of one limit: the first tasks that have room together are admitted, and none passes a task that
/// wants more slots than are free.
#[derive(Debug, Clone, Copy)]
pub struct QueueWalk {
    room: LimitRoom,
    /// The room beside those that were admitted on the way.
    left: LimitRoom,
}

impl QueueWalk {
    /// Starts at the first task.
    pub fn new(room: LimitRoom) -> Self {
        Self { room, left: room }
    }

    /// Whether further tasks cannot be admitted.
    pub fn is_exhausted(&self) -> bool {
        !self.left.has_room(1)
    }

    /// Decides about the next task, which wants that many slots.
    pub fn step(&mut self, place: QueuePlace, slots: i64) -> QueueStep {
        match place {
            QueuePlace::Forced => QueueStep::Admit,
            _ if !self.room.has_room(slots) => QueueStep::Stop,
            QueuePlace::BlockedElsewhere | QueuePlace::AwaitingWorker => QueueStep::Pass,
            QueuePlace::Ready if !self.left.has_room(slots) => QueueStep::Stop,
            QueuePlace::Ready => {
                self.left = self.left.without(slots);
                QueueStep::Admit
            }
        }
    }
}

#[cfg(test)]
mod tests;
