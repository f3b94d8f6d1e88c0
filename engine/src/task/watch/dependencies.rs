//! The wait for instances of workflows that the attempt depends on.

use super::{WatchStep, WatchedAttempt};
use crate::attempt::{AttemptEnd, AttemptResult};
use crate::dependent::{
    DependencyDecision, DependencyFailurePolicy, DependencyProgress, DependencyTask, FailedItems,
    ItemObservation, ReasonContext, decide_dependencies,
};

/// What a look found of the items of the attempt, in document order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependenciesSeen {
    /// One for each item.
    pub items: Vec<ItemObservation>,
}

/// Decides about the attempt by what it depends on.
pub(super) fn observe(watched: &WatchedAttempt<'_>, seen: &DependenciesSeen) -> WatchStep {
    let fields = DependencyTask::of_action(&watched.task.action);
    let progress: Option<DependencyProgress> = watched.progress.read_detail();
    let (Some(fields), Some(progress)) = (fields, progress) else {
        let error = "what it depends on cannot be read from its stored attempt";
        return WatchStep::Ends(AttemptEnd::hopeless(error, watched.at));
    };
    let failed = match fields.on_failure {
        DependencyFailurePolicy::Wait if watched.progress.failure_wait_at.is_some() => FailedItems::Wait,
        DependencyFailurePolicy::Wait | DependencyFailurePolicy::Fail => FailedItems::Fail,
    };
    let context = ReasonContext {
        anchor: progress.anchor,
        zone: progress.timezone,
    };
    let outputs = &watched.task.outputs;
    match decide_dependencies(&fields, &seen.items, failed, outputs, context) {
        DependencyDecision::Succeeds(outputs) => WatchStep::Ends(AttemptEnd {
            outputs,
            ..AttemptEnd::succeeded(watched.at)
        }),
        DependencyDecision::Fails(error) => {
            WatchStep::Ends(AttemptEnd::unstarted(AttemptResult::Failed, &error, watched.at))
        }
        DependencyDecision::FailsForGood(error) => WatchStep::Ends(AttemptEnd::hopeless(&error, watched.at)),
        DependencyDecision::Waits { reason, awaited } => WatchStep::Waits {
            reason,
            detail: DependencyProgress { awaited, ..progress }.to_detail(),
        },
    }
}

/// Looks again when failures no longer count as waiting: the next observation decides.
pub(super) fn expire(watched: &WatchedAttempt<'_>) -> WatchStep {
    WatchStep::Waits {
        reason: format!("{}; failures decide from now on", watched.progress.waits_for),
        detail: watched.progress.detail.clone(),
    }
}
