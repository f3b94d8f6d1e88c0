//! Which of the tasks that wait for a limit may try to start.

use std::collections::BTreeMap;

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

    fn without(self, slots: i64) -> Self {
        Self {
            free: self.free.map(|free| free - slots),
        }
    }
}

/// Where a task is in the order of a queue: the priorities of its instance and its own, most urgent first, the time at which
/// it became ready, its instance, its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuePosition(pub [i64; 5]);

impl QueuePosition {
    /// Before every task.
    pub const START: Self = Self([0, 0, 0, 0, -1]);
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
///
/// Tasks wait for slots of one worker group together. Those of a group that has none free take up no room from the tasks
/// of other groups, and no more tasks of a group are admitted than have room at the same time.
#[derive(Debug, Clone)]
pub struct QueueWalk {
    room: LimitRoom,
    /// The first task that wants more slots than are free: none after it may start.
    first_blocked: Option<QueuePosition>,
    /// The room beside the tasks of each worker group that were admitted, or have been before.
    left: BTreeMap<String, LimitRoom>,
}

impl QueueWalk {
    /// Starts at the first task; `first_blocked` is the first one that wants more slots than are free.
    pub fn new(room: LimitRoom, first_blocked: Option<QueuePosition>) -> Self {
        Self {
            room,
            first_blocked: first_blocked.filter(|_| room.free.is_some()),
            left: BTreeMap::new(),
        }
    }

    /// Whether a task has room that no task before it waits for.
    pub fn is_open_to(&self, position: QueuePosition, slots: i64) -> bool {
        self.room.has_room(slots) && self.first_blocked.is_none_or(|blocked| position <= blocked)
    }

    /// Returns the number of free slots; of a limit that limits nothing the greatest.
    pub fn free_slots(&self) -> i64 {
        self.room.free.unwrap_or(i64::MAX)
    }

    /// Whether no task has room.
    pub fn is_full(&self) -> bool {
        !self.room.has_room(1)
    }

    /// Whether a task of a group has room beside those that were admitted.
    pub fn has_left(&self, group: &str, slots: i64) -> bool {
        self.left_of(group).has_room(slots)
    }

    /// Keeps room for a task of a group.
    pub fn keep_room(&mut self, group: &str, slots: i64) {
        let left = self.left_of(group).without(slots);
        self.left.insert(group.to_owned(), left);
    }

    /// Decides about the next task, of that group and with that many slots; the room of one that is admitted is to be kept.
    pub fn step(&mut self, place: QueuePlace, group: &str, slots: i64) -> QueueStep {
        match place {
            QueuePlace::Forced => QueueStep::Admit,
            _ if !self.room.has_room(slots) => QueueStep::Stop,
            QueuePlace::BlockedElsewhere => QueueStep::Pass,
            QueuePlace::AwaitingWorker => {
                self.keep_room(group, slots);
                QueueStep::Pass
            }
            QueuePlace::Ready if self.has_left(group, slots) => QueueStep::Admit,
            QueuePlace::Ready => {
                // No task of its group passes it, however few slots that one wants.
                self.left.insert(group.to_owned(), LimitRoom::new(0, 0));
                QueueStep::Pass
            }
        }
    }

    fn left_of(&self, group: &str) -> LimitRoom {
        self.left.get(group).copied().unwrap_or(self.room)
    }
}

#[cfg(test)]
mod tests;
