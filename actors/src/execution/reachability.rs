//! Which workers answer this master, and since when the others do not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use engine::ids::Incarnation;

/// Whether a worker answered the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContactState {
    /// It was not called yet, and counts as reachable.
    New,
    /// It answered.
    Reachable,
    /// It has not answered since then.
    UnreachableSince(Instant),
}

impl ContactState {
    /// Whether the worker may get attempts.
    pub(crate) fn is_reachable(self) -> bool {
        !matches!(self, Self::UnreachableSince(_))
    }
}

/// The workers as one master reaches them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reachability {
    /// Those that answered the last call.
    pub reachable: BTreeSet<Incarnation>,
    /// Those that have not answered for a while, with their names.
    pub unreachable: BTreeMap<Incarnation, String>,
    /// The number of all workers.
    pub known: usize,
}
