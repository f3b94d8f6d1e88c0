//! The stored rows of a task with its latest attempt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::progress::Progress;
use crate::ids::{AttemptNumber, DispatchId, Epoch, Incarnation, InstanceId, Timestamp};
use crate::overrides::TaskOverrides;
use crate::states::{AttemptState, KillCause, TaskState};
use crate::task_type::WatchKind;

/// The stored row of one task instance; a task without a row has never been ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its state.
    pub state: TaskState,
    /// Why it is in this state, as a readable text.
    pub reason: Option<String>,
    /// The highest attempt number ever made; 0 before the first.
    pub attempts: u32,
    /// `attempts` when the current run began.
    pub attempts_before_run: u32,
    /// Attempts of this run that became `lost`; they do not count against `retry.max`.
    pub lost_in_run: u32,
    /// Waits of this run that took longer than `wait_within`; they count against `retry.max` without an attempt.
    pub expired_waits: u32,
    /// When a delay, a retry wait, the wait for slots or the open attempt's time limit ends.
    pub due_at: Option<Timestamp>,
    /// The start of the first attempt ever.
    pub started_at: Option<Timestamp>,
    /// The end of the last attempt.
    pub ended_at: Option<Timestamp>,
    /// Declared outputs that the last successful attempt set.
    pub outputs: BTreeMap<String, String>,
    /// What a person changed of the task for its later attempts.
    pub overrides: Option<Box<TaskOverrides>>,
    /// The instance whose result stands here, so that the task did not run in this one.
    pub reused: Option<InstanceId>,
    /// The latest attempt, open or ended; `None` before the first.
    pub attempt: Option<Attempt>,
    /// What is stored of an open attempt that waits in the owner, and what the last one started.
    pub progress: Option<Box<Progress>>,
}

/// One incarnation of a worker, to which attempts are bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its node name.
    pub name: String,
}

/// The stored row of one attempt.
///
/// Unbound (`uid` and `worker` are `None`, `created`): it counts as not started, and the next dispatch makes
/// a new uid. An attempt that runs in the owner is `running` without uid and worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// From 1, never used again.
    pub number: AttemptNumber,
    /// How often it was bound to a worker.
    pub dispatch_number: u32,
    /// Its current dispatch.
    pub uid: Option<DispatchId>,
    /// The worker it is bound to.
    pub worker: Option<Worker>,
    /// The epoch that created it.
    pub epoch: Epoch,
    /// Its state.
    pub state: AttemptState,
    /// Set in the commit that decides to kill it.
    pub kill_cause: Option<KillCause>,
    /// The process id on the worker.
    pub pid: Option<i64>,
    /// The exit code of its process, or the HTTP status of its answer.
    pub exit_code: Option<i32>,
    /// Why it did not succeed, as a readable text.
    pub error: Option<String>,
    /// The size of its log in bytes; none while it is open, and where its worker could not say.
    pub log_bytes: Option<u64>,
    /// When it was committed.
    pub created_at: Timestamp,
    /// When its process started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Attempt {
    /// Whether it waits for a worker to be bound to.
    pub fn is_unbound(&self) -> bool {
        self.state == AttemptState::Created && self.uid.is_none()
    }

    /// Whether it is open and waits in the owner.
    pub fn is_in_owner(&self) -> bool {
        self.state == AttemptState::Running && self.uid.is_none()
    }

    /// Whether it is bound and its worker has not reported a start.
    pub fn is_dispatched(&self) -> bool {
        self.state == AttemptState::Created && self.uid.is_some()
    }
}

impl Task {
    /// Returns what kind of thing the open attempt waits for in the owner; none for a task that does not wait there.
    pub fn waits_on(&self) -> Option<WatchKind> {
        let progress = self
            .progress
            .as_ref()
            .filter(|_| self.state == TaskState::Running);
        progress.and_then(|progress| progress.kind)
    }

    /// Returns the row of a task that was never ready.
    pub fn unstarted() -> Self {
        Self {
            state: TaskState::Pending,
            reason: None,
            attempts: 0,
            attempts_before_run: 0,
            lost_in_run: 0,
            expired_waits: 0,
            due_at: None,
            started_at: None,
            ended_at: None,
            outputs: BTreeMap::new(),
            overrides: None,
            reused: None,
            attempt: None,
            progress: None,
        }
    }

    /// Returns the attempt that has not ended.
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref().filter(|attempt| attempt.state.is_open())
    }

    /// Whether its latest attempt is being killed and its worker has not confirmed that.
    pub(crate) fn has_unconfirmed_kill(&self) -> bool {
        let attempt = self.open_attempt();
        attempt.is_some_and(|attempt| attempt.kill_cause.is_some() && attempt.worker.is_some())
    }

    /// Whether it does not run and yet has an open attempt: an unbound one, or one in the owner that a pause suspended.
    pub(crate) fn has_idle_attempt(&self) -> bool {
        !self.state.is_active() && self.open_attempt().is_some()
    }

    /// Whether its edges decided about a task that never started; such a decision has no entry in the history.
    pub(crate) fn has_no_history(&self) -> bool {
        self.attempts == 0 && matches!(self.state, TaskState::Skipped | TaskState::NotRun)
    }

    /// Whether its latest attempt is this dispatch.
    pub(crate) fn is_dispatch(&self, uid: DispatchId) -> bool {
        self.attempt
            .as_ref()
            .is_some_and(|attempt| attempt.uid == Some(uid))
    }

    /// Returns how many attempts of this run count against `retry.max`, the latest included, with the waits that took too
    /// long.
    pub(super) fn counted_attempts(&self) -> u32 {
        self.attempts
            .saturating_sub(self.attempts_before_run)
            .saturating_sub(self.lost_in_run)
            .saturating_add(self.expired_waits)
    }
}
