//! The wait for the decision of a person.

use std::collections::BTreeMap;

use super::{WatchStep, Watched};
use crate::attempt::{AttemptEnd, AttemptResult};

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalDecision {
    /// The task succeeds.
    Approved {
        /// The answers.
        outputs: BTreeMap<String, String>,
    },
    /// The task fails.
    Rejected {
        /// Who and why, as a readable text.
        reason: String,
    },
}

/// Decides about the attempt by the decision of a person.
pub(super) fn observe(watched: &Watched<'_>, decision: &ApprovalDecision) -> WatchStep {
    WatchStep::Ends(match decision {
        ApprovalDecision::Approved { outputs } => AttemptEnd {
            outputs: outputs.clone(),
            ..AttemptEnd::succeeded(watched.at)
        },
        ApprovalDecision::Rejected { reason } => AttemptEnd::hopeless(reason, watched.at),
    })
}

/// Decides about the attempt when no decision came in time.
pub(super) fn expire(watched: &Watched<'_>) -> WatchStep {
    WatchStep::Ends(AttemptEnd::unstarted(
        AttemptResult::TimedOut,
        "timed out",
        watched.at,
    ))
}
