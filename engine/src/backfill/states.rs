//! The states and choices of a backfill, which are stored by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::states::{InstanceState, UnknownName, named};

named!(
    /// The state of a date.
    DateState {
        /// Its turn has not come.
        Waiting = "waiting",
        /// Its newest instance is open.
        Running = "running",
        /// Its newest instance succeeded.
        Succeeded = "succeeded",
        /// Its newest instance failed.
        Failed = "failed",
        /// Its newest instance was stopped.
        Stopped = "stopped",
        /// An instance of that date existed.
        Skipped = "skipped",
        /// The backfill ended before its turn came.
        NotRun = "not_run",
    }
);

impl DateState {
    /// Returns the state of a date whose newest instance is in this state.
    pub fn of_instance(state: InstanceState) -> Self {
        match state {
            InstanceState::Succeeded => Self::Succeeded,
            InstanceState::Failed => Self::Failed,
            InstanceState::Stopped => Self::Stopped,
            InstanceState::Queued
            | InstanceState::Running
            | InstanceState::Pausing
            | InstanceState::Paused
            | InstanceState::Stopping => Self::Running,
        }
    }

    /// Whether the date holds its backfill open.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }

    /// Whether a retry runs the date again.
    pub fn is_retried(self) -> bool {
        matches!(self, Self::Failed | Self::Stopped | Self::NotRun)
    }
}

named!(
    /// What users decided about the whole of a backfill.
    BackfillControl {
        /// Dates start.
        Active = "active",
        /// No further date starts until it is resumed.
        Paused = "paused",
        /// No further date starts until it is retried.
        Cancelled = "cancelled",
    }
);

named!(
    /// The state of a backfill.
    BackfillState {
        /// A date is waiting or running.
        Running = "running",
        /// No further date starts until it is resumed.
        Paused = "paused",
        /// Every date succeeded or was skipped.
        Succeeded = "succeeded",
        /// A date failed, was stopped or did not run.
        Failed = "failed",
        /// A user cancelled it.
        Cancelled = "cancelled",
    }
);

named!(
    /// The order in which dates run.
    DateOrder {
        /// The oldest first.
        Ascending = "ascending",
        /// The newest first.
        Descending = "descending",
    }
);

named!(
    /// What an instance that failed or was stopped means for dates that have not started.
    OnFailure {
        /// They run.
        Continue = "continue",
        /// They do not run.
        Stop = "stop",
    }
);

named!(
    /// What an instance that exists for a date means for it when its turn comes.
    ExistingPolicy {
        /// The date runs.
        Run = "run",
        /// The date is skipped when an instance succeeded.
        SkipSucceeded = "skip_succeeded",
        /// The date is skipped.
        SkipAll = "skip_all",
    }
);

named!(
    /// Which workflows run besides the backfill's own.
    DependentsMode {
        /// None.
        None = "none",
        /// Those whose current version has a task that depends on it.
        Direct = "direct",
    }
);
