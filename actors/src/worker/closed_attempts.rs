//! The uids that are not tracked any more, so that a late copy of a message starts nothing.

use std::collections::{HashMap, VecDeque};

use engine::ids::DispatchId;

/// Number of uids that are kept; the oldest is dropped first.
const MAX_CLOSED: usize = 200_000;

/// What became of a uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedAttempt {
    /// It never started and never will.
    Tombstoned,
    /// It ended, and the owner has stored the end.
    Stored,
}

/// The closed uids, at most `MAX_CLOSED`.
#[derive(Debug, Default)]
pub(crate) struct ClosedAttempts {
    closed: HashMap<DispatchId, ClosedAttempt>,
    order: VecDeque<DispatchId>,
}

impl ClosedAttempts {
    /// Returns what became of a uid.
    pub(crate) fn get(&self, uid: &DispatchId) -> Option<ClosedAttempt> {
        self.closed.get(uid).copied()
    }

    /// Keeps what became of a uid.
    pub(crate) fn insert(&mut self, uid: DispatchId, closed: ClosedAttempt) {
        if self.closed.insert(uid, closed).is_none() {
            self.order.push_back(uid);
        }
        if self.order.len() > MAX_CLOSED
            && let Some(oldest) = self.order.pop_front()
        {
            self.closed.remove(&oldest);
        }
    }
}
