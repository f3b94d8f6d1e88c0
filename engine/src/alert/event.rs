//! What alerts are about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::states::{UnknownName, named};

named!(
    /// What a rule can name, and `sql_result`.
    AlertEvent {
        /// An instance succeeded.
        Succeeded = "succeeded",
        /// An instance failed.
        Failed = "failed",
        /// An instance was stopped.
        Stopped = "stopped",
        /// An instance needs a person.
        Attention = "attention",
        /// An instance succeeded, and the newest older one that ended had failed.
        Recovered = "recovered",
        /// The time limit of an instance or of an attempt has passed.
        TimedOut = "timed_out",
        /// A task failed, and no attempt follows.
        TaskFailed = "task_failed",
        /// An attempt failed, and another follows.
        TaskRetrying = "task_retrying",
        /// A task waits for the decision of a person.
        ApprovalWaiting = "approval_waiting",
        /// An instance has not succeeded in time.
        Late = "late",
        /// A fire of a schedule has not started an instance in time.
        NotStarted = "not_started",
        /// A fire of a schedule was refused.
        ScheduleRefused = "schedule_refused",
        /// All dates of a backfill have ended.
        BackfillFinished = "backfill_finished",
        /// A master took over the instances of another.
        Failover = "failover",
        /// A node was declared dead.
        NodeDead = "node_dead",
        /// A result that a task of type `sql` sends; no rule names it.
        SqlResult = "sql_result",
    }
);

impl AlertEvent {
    /// Whether only rules of the server may name it.
    pub fn is_about_nodes(self) -> bool {
        matches!(self, Self::Failover | Self::NodeDead)
    }

    /// Whether it occurs because a time passed, and not because something changed.
    pub fn is_timed(self) -> bool {
        matches!(self, Self::Late | Self::NotStarted)
    }

    fn bit(self) -> i64 {
        1 << (self as u32)
    }
}

/// A set of events, as one number in the database.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventSet(i64);

impl EventSet {
    /// No event.
    pub const NONE: Self = Self(0);

    /// Returns the number for the database.
    pub fn bits(self) -> i64 {
        self.0
    }

    /// Returns the set with one more event.
    #[must_use]
    pub fn with(self, event: AlertEvent) -> Self {
        Self(self.0 | event.bit())
    }

    /// Whether it holds an event.
    pub fn contains(self, event: AlertEvent) -> bool {
        self.0 & event.bit() != 0
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns its events, in the order of the enumeration.
    pub fn iter(self) -> impl Iterator<Item = AlertEvent> {
        AlertEvent::ALL
            .iter()
            .copied()
            .filter(move |event| self.contains(*event))
    }
}

impl FromIterator<AlertEvent> for EventSet {
    fn from_iter<I: IntoIterator<Item = AlertEvent>>(events: I) -> Self {
        events.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for EventSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
