//! What the clients were told: the checker holds the cluster to it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

/// Everything that was promised, and everything that must not have been answered.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    /// Instances whose start was answered 201, with the state in which each should end.
    pub(crate) ends: BTreeMap<String, &'static str>,
    /// Starts without an answer, or with 503: each may have made an instance or not.
    pub(crate) uncertain_starts: usize,
    /// Operations of verbs that were answered 200 or 202.
    pub(crate) operations: Vec<String>,
    /// Answers 503 that said when to try again.
    pub(crate) told_to_wait: usize,
    /// Answers that no fault excuses.
    pub(crate) wrong: Vec<String>,
}

/// The record of all clients of one cluster.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Promises>);

impl History {
    /// The record, to read or to add to.
    pub(crate) fn promises(&self) -> MutexGuard<'_, Promises> {
        self.0.lock().expect("no client panicked while it wrote")
    }

    /// Says in which state an instance should end; `succeeded` when nobody says anything.
    pub(crate) fn ends(&self, id: &str, state: &'static str) {
        self.promises().ends.insert(id.to_owned(), state);
    }
}
