//! What users do with a backfill.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::states::BackfillState;
use crate::states::{UnknownName, named};

named!(
    /// A command of a user to a backfill, by its name.
    BackfillVerb {
        /// No further date starts; what runs continues.
        Pause = "pause",
        /// Dates start again.
        Resume = "resume",
        /// Another number of instances may be open.
        Parallelism = "parallelism",
        /// Dates that have not started do not run.
        Cancel = "cancel",
        /// Failed, stopped and `not_run` dates run again.
        Retry = "retry",
    }
);

/// What a cancelled backfill does with instances that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// They continue to their end.
    LetRun,
    /// They are stopped.
    StopRunning,
}

/// A command with its choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillCommand {
    /// No further date starts.
    Pause,
    /// Dates start again.
    Resume,
    /// At most this many instances are open from the next date on.
    SetParallelism(u32),
    /// Dates that have not started do not run.
    Cancel(StopMode),
    /// Failed, stopped and `not_run` dates run again.
    Retry {
        /// The version of their instances; that of the backfill when it is `None`.
        version: Option<i64>,
    },
}

impl BackfillCommand {
    /// Returns its name.
    pub fn verb(self) -> BackfillVerb {
        match self {
            Self::Pause => BackfillVerb::Pause,
            Self::Resume => BackfillVerb::Resume,
            Self::SetParallelism(_) => BackfillVerb::Parallelism,
            Self::Cancel(_) => BackfillVerb::Cancel,
            Self::Retry { .. } => BackfillVerb::Retry,
        }
    }
}

impl BackfillVerb {
    /// Whether the command can apply to a backfill in this state. A repeated cancel changes nothing, but may stop what
    /// still runs.
    pub fn applies_in(self, state: BackfillState) -> bool {
        match self {
            Self::Pause => state == BackfillState::Running,
            Self::Resume => state == BackfillState::Paused,
            Self::Parallelism => matches!(state, BackfillState::Running | BackfillState::Paused),
            Self::Cancel => matches!(
                state,
                BackfillState::Running | BackfillState::Paused | BackfillState::Cancelled
            ),
            Self::Retry => matches!(state, BackfillState::Failed | BackfillState::Cancelled),
        }
    }
}

/// A command that cannot apply in the state of the backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{verb} cannot apply while the backfill is {state}; possible: {}", possible_in(*.state))]
pub struct BackfillRefusal {
    /// The command.
    pub verb: BackfillVerb,
    /// The state.
    pub state: BackfillState,
}

fn possible_in(state: BackfillState) -> String {
    let verbs = BackfillVerb::ALL.iter().filter(|verb| verb.applies_in(state));
    let names: Vec<&str> = verbs.map(|verb| verb.as_str()).collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
