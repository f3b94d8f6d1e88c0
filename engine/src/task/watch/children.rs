//! The wait for instances that the attempt started.

use serde_json::Value;

use super::{WatchGoal, WatchStep, Watched};
use crate::attempt::{AttemptEnd, AttemptResult};

/// How many children are in which kind of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChildrenSeen {
    /// Those that are open and not paused.
    pub open: u32,
    /// Those that are paused.
    pub paused: u32,
    /// Those that failed or were stopped.
    pub unsuccessful: u32,
}

/// Decides about the attempt by the states of its children.
pub(super) fn observe(watched: &Watched<'_>, seen: &ChildrenSeen) -> WatchStep {
    let left = seen.open + seen.paused;
    match watched.goal {
        WatchGoal::Pause if seen.open == 0 && left > 0 => WatchStep::Suspends {
            reason: "paused".to_owned(),
        },
        _ if left > 0 => WatchStep::Waits {
            reason: format!("waits for {left} children"),
            detail: Value::Null,
        },
        WatchGoal::End(_) => WatchStep::Ends(AttemptEnd::unstarted(
            AttemptResult::Killed,
            "its children have ended",
            watched.at,
        )),
        WatchGoal::Run | WatchGoal::Pause if seen.unsuccessful > 0 => {
            let error = format!("{} children did not succeed", seen.unsuccessful);
            WatchStep::Ends(AttemptEnd::unstarted(AttemptResult::Failed, &error, watched.at))
        }
        WatchGoal::Run | WatchGoal::Pause => WatchStep::Ends(AttemptEnd::succeeded(watched.at)),
    }
}
