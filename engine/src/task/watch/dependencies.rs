//! The wait for instances of workflows that the attempt depends on.

use serde_json::Value;

use super::{WatchStep, Watched};
use crate::attempt::{AttemptEnd, AttemptResult};

/// What the dependencies amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependenciesSeen {
    /// They hold.
    Hold,
    /// One of them failed.
    Failed(String),
    /// One of them is waited for.
    Waiting(String),
}

/// Decides about the attempt by what it depends on.
pub(super) fn observe(watched: &Watched<'_>, seen: &DependenciesSeen) -> WatchStep {
    match seen {
        DependenciesSeen::Hold => WatchStep::Ends(AttemptEnd::succeeded(watched.at)),
        DependenciesSeen::Failed(error) if watched.progress.failure_wait_at.is_none() => {
            WatchStep::Ends(AttemptEnd::unstarted(AttemptResult::Failed, error, watched.at))
        }
        DependenciesSeen::Failed(reason) | DependenciesSeen::Waiting(reason) => WatchStep::Waits {
            reason: reason.clone(),
            detail: Value::Null,
        },
    }
}

/// Decides about the attempt when failures no longer count as waiting.
pub(super) fn expire(_: &Watched<'_>) -> WatchStep {
    WatchStep::Unchanged
}
