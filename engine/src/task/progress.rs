//! What is stored of an attempt that waits in its owner.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::Timestamp;
use crate::task_type::WatchKind;

/// What is stored of an open attempt that waits in its owner. Its serde form is stored; a field that is added has a
/// default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// When the time limit of the attempt ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_at: Option<Timestamp>,
    /// Until when failures of what it waits for count as waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_wait_at: Option<Timestamp>,
    /// Since when the two times above stand still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    /// What kind of thing it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<WatchKind>,
    /// What it waits for, as a readable text.
    #[serde(default)]
    pub waits_for: String,
    /// What the kind of wait keeps; null for nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

impl Progress {
    /// Returns when the first of its times has come; none while they stand still.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        let due = self.time_limit_at.into_iter().chain(self.failure_wait_at).min();
        due.filter(|_| self.paused_at.is_none())
    }

    /// Has the times stand still.
    pub(crate) fn pause_times(&mut self, at: Timestamp) {
        self.paused_at.get_or_insert(at);
    }

    /// Continues the times with what is left of them.
    pub(crate) fn resume_times(&mut self, at: Timestamp) {
        if let Some(paused_at) = self.paused_at.take() {
            self.move_times(at.since(paused_at));
        }
    }

    /// Moves the times.
    pub(crate) fn move_times(&mut self, by_ms: i64) {
        let moved = |at: Option<Timestamp>| at.map(|at| at.plus(by_ms));
        self.time_limit_at = moved(self.time_limit_at);
        self.failure_wait_at = moved(self.failure_wait_at);
    }

    /// Reads what the kind of wait keeps; none when there is nothing, or nothing that can be read.
    pub fn read_detail<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.detail).ok()
    }
}
