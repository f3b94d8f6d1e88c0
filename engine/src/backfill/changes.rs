//! The changes of one decision, committed as one unit.

use super::record::BackfillRecord;
use super::states::DateState;
use crate::ids::InstanceId;

/// Dates that change with one statement, however many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateSweep {
    /// Waiting dates become `not_run`.
    CloseWaiting {
        /// Why, in words.
        reason: String,
    },
    /// Failed, stopped and `not_run` dates are waiting again; they keep the instance that they had.
    Retry,
}

impl DateSweep {
    /// Whether a date in this state changes.
    pub fn touches(&self, state: DateState) -> bool {
        match self {
            Self::CloseWaiting { .. } => state == DateState::Waiting,
            Self::Retry => state.is_retried(),
        }
    }

    /// Returns the state that the dates get.
    pub fn target(&self) -> DateState {
        match self {
            Self::CloseWaiting { .. } => DateState::NotRun,
            Self::Retry => DateState::Waiting,
        }
    }

    /// Returns the reason that the dates get.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::CloseWaiting { reason } => Some(reason),
            Self::Retry => None,
        }
    }
}

/// What becomes of a date whose turn came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateDecision {
    /// It gets a new instance.
    Start {
        /// Its place in the order of running.
        position: u32,
    },
    /// It does not run, since a date that it runs after has not succeeded.
    Close {
        /// Its place in the order of running.
        position: u32,
        /// `Skipped` or `NotRun`.
        state: DateState,
        /// Why, in words.
        reason: String,
    },
    /// It does not run, since an instance exists.
    Skip {
        /// Its place in the order of running.
        position: u32,
        /// That instance.
        instance: InstanceId,
        /// Why, in words.
        reason: String,
    },
}

impl DateDecision {
    /// Returns its place in the order of running.
    pub fn position(&self) -> u32 {
        match self {
            Self::Start { position } | Self::Close { position, .. } | Self::Skip { position, .. } => {
                *position
            }
        }
    }

    /// Whether it takes a place.
    pub fn starts(&self) -> bool {
        matches!(self, Self::Start { .. })
    }
}

/// What one decision changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackfillChanges {
    /// The backfill's row, when it changed.
    pub record: Option<BackfillRecord>,
    /// Applied to the stored dates before `dates`.
    pub sweep: Option<DateSweep>,
    /// The dates whose turn came, in order.
    pub dates: Vec<DateDecision>,
    /// Open instances are to be stopped, in the same commit.
    pub stops_instances: bool,
    /// No date waits any more: the backfill needs no further decision unless it is retried.
    pub is_settled: bool,
}

impl BackfillChanges {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
