//! The stored row of an instance.

use std::collections::BTreeMap;

use crate::ids::{Run, Timestamp};
use crate::plan::run_range::RunRange;
use crate::states::{Attention, InstanceState, OwnershipReason};

/// The stored row of one instance, without what never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRecord {
    /// Its state.
    pub state: InstanceState,
    /// Why it is in this state, as a readable text.
    pub reason: Option<String>,
    /// Set when it needs a person.
    pub attention: Option<Attention>,
    /// Which run this is.
    pub run: Run,
    /// What queued this run; none once it was admitted.
    pub queued_by: Option<OwnershipReason>,
    /// The tasks that this run is about; none for all.
    pub run_range: Option<RunRange>,
    /// When this run's time limit ends; `None` while paused or without a limit.
    pub due_at: Option<Timestamp>,
    /// What is left of the limit while paused, in milliseconds.
    pub time_left_ms: Option<i64>,
    /// The limit has passed and has been acted on in this run.
    pub timed_out: bool,
    /// The first start.
    pub started_at: Option<Timestamp>,
    /// The last end; `None` while not final.
    pub ended_at: Option<Timestamp>,
    /// Declared outputs; filled when it ends.
    pub outputs: BTreeMap<String, String>,
}

impl InstanceRecord {
    /// Whether the instance needs no owner: nothing is to be done until a command comes.
    pub fn is_idle(&self) -> bool {
        self.state.is_idle() || self.attention.is_some()
    }

    /// Returns the range to which the plan of the instance is limited: at rest a command sees the whole graph.
    pub fn planned_range(&self) -> Option<RunRange> {
        self.run_range.filter(|_| !self.state.is_final())
    }

    /// Begins the next run, whose clock begins by `start_clock`.
    pub(super) fn begin_run(&mut self, at: Timestamp, run_range: Option<RunRange>) {
        self.run = Run(self.run.0 + 1);
        self.run_range = run_range;
        self.started_at.get_or_insert(at);
        self.ended_at = None;
        self.outputs.clear();
    }

    /// Begins the next run, whose clock stands until it is admitted.
    pub(super) fn queue_run(&mut self, range: Option<RunRange>) {
        self.run = Run(self.run.0 + 1);
        self.run_range = range;
        self.ended_at = None;
        self.outputs.clear();
        self.timed_out = false;
        self.stop_clock();
    }

    /// Starts the time limit of a run.
    pub(super) fn start_clock(&mut self, at: Timestamp, limit_ms: Option<i64>) {
        self.timed_out = false;
        self.time_left_ms = None;
        self.due_at = limit_ms.map(|limit| at.plus(limit));
    }

    /// Stops the time limit and remembers what is left of it.
    pub(super) fn pause_clock(&mut self, at: Timestamp) {
        self.time_left_ms = self.due_at.take().map(|due| due.since(at).max(0));
    }

    /// Continues the time limit with what was left of it.
    pub(super) fn resume_clock(&mut self, at: Timestamp) {
        self.due_at = self.time_left_ms.take().map(|left| at.plus(left));
    }

    /// Ends the time limit.
    pub(super) fn stop_clock(&mut self) {
        self.due_at = None;
        self.time_left_ms = None;
    }

    /// Remembers that the time limit of this run has passed.
    pub(super) fn time_out(&mut self) {
        self.due_at = None;
        self.timed_out = true;
    }
}
