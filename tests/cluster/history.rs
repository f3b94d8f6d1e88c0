//! What the clients were answered: the checker compares the cluster with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

/// Everything that was promised, and everything that must not have been answered.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    /// Instances whose start was answered 201, with the state in which each should end.
    pub(crate) ends: BTreeMap<String, &'static str>,
    /// Starts without an answer, or with 503: each may have made an instance or not.
    pub(crate) uncertain_starts: usize,
    /// Operations of commands that were answered 200 or 202.
    pub(crate) operations: Vec<String>,
    /// Answers 503 with `Retry-After`.
    pub(crate) retry_later: usize,
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

    /// Sets the state in which an instance should end, if not `succeeded`.
    pub(crate) fn expect_end(&self, id: &str, state: &'static str) {
        self.promises().ends.insert(id.to_owned(), state);
    }
}
