//! What was found of the items of a dependent task.

use std::collections::BTreeMap;

use super::items::DependencyTarget;
use crate::ids::InstanceId;
use crate::states::{InstanceState, TaskState};

/// What was found of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemObservation {
    /// It can never hold, as a readable text: the workflow does not exist, or may not be waited for.
    Refused(String),
    /// It waits for earlier instances of its own workflow, and there is none at all.
    NothingEarlier,
    /// The newest instance in each of its intervals, in their order; none where there is none.
    Candidates(Vec<Option<Candidate>>),
}

/// An instance that decides about an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The instance.
    pub instance: InstanceId,
    /// Its state.
    pub state: InstanceState,
    /// Whether a task of it is failed or killed.
    pub has_failed_tasks: bool,
    /// The task that the item names.
    pub task: Option<CandidateTask>,
    /// The outputs of that task, else of the instance; read only for items that pass them on.
    pub outputs: BTreeMap<String, String>,
}

/// A task of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateTask {
    /// The version of the candidate has no such task.
    Missing,
    /// It is disabled there.
    Disabled,
    /// It is in this state.
    InState(TaskState),
}

/// Whether something that is waited for has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DependencyVerdict {
    /// It has.
    Holds,
    /// It never will, as it looks now.
    Fails,
    /// It may.
    Waits,
}

impl Candidate {
    /// Returns what it means for an item that waits for `target`.
    pub(super) fn verdict(&self, target: &DependencyTarget) -> DependencyVerdict {
        match target {
            DependencyTarget::Instance => self.instance_verdict(),
            DependencyTarget::AllTasks => match self.instance_verdict() {
                DependencyVerdict::Holds if self.has_failed_tasks => DependencyVerdict::Fails,
                verdict => verdict,
            },
            DependencyTarget::Task(_) => self.task_verdict(),
        }
    }

    fn instance_verdict(&self) -> DependencyVerdict {
        match self.state {
            InstanceState::Succeeded => DependencyVerdict::Holds,
            InstanceState::Failed | InstanceState::Stopped => DependencyVerdict::Fails,
            InstanceState::Queued
            | InstanceState::Running
            | InstanceState::Pausing
            | InstanceState::Paused
            | InstanceState::Stopping => DependencyVerdict::Waits,
        }
    }

    fn task_verdict(&self) -> DependencyVerdict {
        match self.task {
            None | Some(CandidateTask::Missing) => DependencyVerdict::Fails,
            Some(CandidateTask::Disabled) => DependencyVerdict::Holds,
            Some(CandidateTask::InState(state)) => match state {
                TaskState::Succeeded | TaskState::ForcedSuccess => DependencyVerdict::Holds,
                TaskState::Failed | TaskState::Killed | TaskState::Skipped => DependencyVerdict::Fails,
                _ if self.state.is_final() => DependencyVerdict::Fails,
                TaskState::NotRun
                | TaskState::Pending
                | TaskState::Delayed
                | TaskState::Waiting
                | TaskState::Dispatched
                | TaskState::Running
                | TaskState::WaitingRetry => DependencyVerdict::Waits,
            },
        }
    }
}
