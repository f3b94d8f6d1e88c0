//! The wait for the decision of a person.

use std::collections::BTreeMap;

use super::{WatchStep, WatchedAttempt};
use crate::approval::{ApprovalTask, ApprovalTimeout};
use crate::attempt::{AttemptEnd, AttemptResult};

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalDecision {
    /// Approved, with the answers, or rejected.
    pub verdict: ApprovalVerdict,
    /// The user.
    pub by: String,
    /// What the user says about it.
    pub comment: Option<String>,
}

/// The two decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalVerdict {
    /// The task succeeds with these outputs.
    Approved(BTreeMap<String, String>),
    /// The task fails.
    Rejected,
}

/// Decides about the attempt by the decision of a person.
pub(super) fn observe(watched: &WatchedAttempt<'_>, decision: &ApprovalDecision) -> WatchStep {
    let comment = decision.comment.as_ref().map(|comment| format!(": {comment}"));
    let describe = |word: &str| {
        format!(
            "{word} by {}{}",
            decision.by,
            comment.as_deref().unwrap_or_default()
        )
    };
    match &decision.verdict {
        ApprovalVerdict::Approved(outputs) => WatchStep::Succeeds {
            end: approved(watched, outputs.clone()),
            why: describe("approved"),
        },
        ApprovalVerdict::Rejected => WatchStep::Ends(AttemptEnd::hopeless(&describe("rejected"), watched.at)),
    }
}

/// Decides about the attempt when no decision came in time.
pub(super) fn expire(watched: &WatchedAttempt<'_>) -> WatchStep {
    let fields = ApprovalTask::of_action(&watched.task.action);
    match fields.as_ref().map(|fields| fields.on_timeout) {
        Some(ApprovalTimeout::Approve) => WatchStep::Succeeds {
            end: approved(
                watched,
                fields.map(|fields| fields.default_answers()).unwrap_or_default(),
            ),
            why: "approved by its time limit".to_owned(),
        },
        Some(ApprovalTimeout::Reject) => {
            WatchStep::Ends(AttemptEnd::hopeless("rejected by its time limit", watched.at))
        }
        Some(ApprovalTimeout::Fail) | None => {
            let error = "timed out";
            WatchStep::Ends(AttemptEnd::unstarted(AttemptResult::TimedOut, error, watched.at))
        }
    }
}

fn approved(watched: &WatchedAttempt<'_>, outputs: BTreeMap<String, String>) -> AttemptEnd {
    AttemptEnd {
        outputs,
        ..AttemptEnd::succeeded(watched.at)
    }
}
