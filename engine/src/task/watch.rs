//! What attempts in the owner wait for, and what an observation of it means.
//!
//! Such an attempt is `running` without a worker. The shell looks at what it waits for and reports an [`Observation`];
//! the kinds of wait below decide what that means, purely from the definition, the row and the observation. What an
//! attempt keeps between observations is its [`Progress`].

mod approval;
mod children;
mod dependencies;

use serde_json::Value;

use super::progress::Progress;
use super::row::Task;
use crate::attempt::AttemptEnd;
use crate::ids::Timestamp;
use crate::spec::model::TaskDefinition;
use crate::states::{InstanceState, KillCause};
use crate::task_type::WatchKind;

pub use approval::{ApprovalDecision, ApprovalVerdict};
pub use children::ChildrenSeen;
pub use dependencies::DependenciesSeen;

/// What an attempt wants of the things that it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchGoal {
    /// That they run to their ends.
    Run,
    /// That they pause.
    Pause,
    /// That they end, for this reason.
    End(KillCause),
}

/// What the shell found out about the things that an attempt waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// The instances that it started.
    Children(ChildrenSeen),
    /// The instances that it depends on.
    Dependencies(DependenciesSeen),
    /// What a person decided.
    Approval(ApprovalDecision),
}

/// How an attempt that runs in the owner begins, decided in the commit in which it starts.
#[derive(Debug, Clone, PartialEq)]
pub enum Opening {
    /// It waits.
    Waits {
        /// For what, as a readable text.
        reason: String,
        /// For how long failures of what it waits for count as waiting, in milliseconds.
        failure_wait_ms: Option<i64>,
        /// What its kind of wait keeps.
        detail: Value,
    },
    /// It ends at once.
    Ends(AttemptEnd),
}

/// What an observation, or a time that has come, makes of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchStep {
    /// Nothing new.
    Unchanged,
    /// It waits for something else now.
    Waits {
        /// For what, as a readable text.
        reason: String,
        /// What its kind of wait keeps from now on.
        detail: Value,
    },
    /// Everything that it waits for is at rest because of a pause.
    Suspends {
        /// Why, as a readable text.
        reason: String,
    },
    /// It ends.
    Ends(AttemptEnd),
    /// It succeeds, and its history says why.
    Succeeds {
        /// The end.
        end: AttemptEnd,
        /// Why, as a readable text.
        why: String,
    },
}

/// An open attempt in the owner, as its kind of wait sees it.
#[derive(Debug, Clone, Copy)]
pub struct WatchedAttempt<'a> {
    /// The task's definition.
    pub task: &'a TaskDefinition,
    /// The task's row.
    pub row: &'a Task,
    /// What is stored of the attempt.
    pub progress: &'a Progress,
    /// What the attempt wants.
    pub goal: WatchGoal,
    /// The time of the event.
    pub at: Timestamp,
}

/// Returns what an open attempt in the owner wants while its instance is in this state.
pub(crate) fn goal_of(task: &Task, instance: InstanceState) -> WatchGoal {
    let cause = task.open_attempt().and_then(|attempt| attempt.kill_cause);
    match (cause, instance) {
        (Some(cause), _) => WatchGoal::End(cause),
        (None, InstanceState::Pausing) => WatchGoal::Pause,
        (None, _) => WatchGoal::Run,
    }
}

/// Decides what an observation makes of an attempt.
pub(super) fn decide_observation(attempt: &WatchedAttempt<'_>, observation: &Observation) -> WatchStep {
    match observation {
        Observation::Children(seen) => children::observe(attempt, seen),
        Observation::Dependencies(seen) => dependencies::observe(attempt, seen),
        Observation::Approval(decision) => approval::observe(attempt, decision),
    }
}

/// Decides what the end of the wait for failures, or of the wait for a person, makes of an attempt.
pub(super) fn decide_expiry(attempt: &WatchedAttempt<'_>, kind: WatchKind) -> WatchStep {
    match kind {
        WatchKind::Approval => approval::expire(attempt),
        WatchKind::Dependencies | WatchKind::Children => dependencies::expire(attempt),
    }
}

/// Continues a wait after a pause.
pub(super) fn resume_wait(progress: &mut Progress, kind: WatchKind) {
    match kind {
        WatchKind::Children => children::resume(progress),
        WatchKind::Dependencies | WatchKind::Approval => {}
    }
}
