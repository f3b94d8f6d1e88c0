//! The life of one task instance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{AttemptNumber, Epoch, Incarnation, Millis, Uid};
use crate::states::{AttemptState, KillCause, TaskState};

/// The stored row of one task instance; a task without a row has never been ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its state.
    pub state: TaskState,
    /// Why it waits or rests, in words.
    pub reason: Option<String>,
    /// The highest attempt number ever made; 0 before the first.
    pub attempts: u32,
    /// `attempts` when the current run began.
    pub attempts_before_run: u32,
    /// Attempts of this run that became `lost`; they do not count against `retry.max`.
    pub lost_in_run: u32,
    /// When a delay, a retry wait or the open attempt's time limit ends.
    pub due_at: Option<Millis>,
    /// The start of the first attempt ever.
    pub started_at: Option<Millis>,
    /// The end of the last attempt.
    pub ended_at: Option<Millis>,
    /// Declared outputs that the last successful attempt set.
    pub outputs: BTreeMap<String, String>,
    /// The latest attempt, open or ended; `None` before the first.
    pub attempt: Option<Attempt>,
}

/// A worker life an attempt can be bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its node name.
    pub name: String,
}

/// The stored row of one attempt.
///
/// Unbound (`uid` and `worker` are `None`, `created`): it counts as not started, and the next binding makes
/// a new uid. An attempt of a `noop` task or of a dry run is `running` without uid and worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// From 1, never used again.
    pub number: AttemptNumber,
    /// How often it was bound.
    pub binding: u32,
    /// Its current binding.
    pub uid: Option<Uid>,
    /// The worker life it is bound to.
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
    /// Why it did not succeed, in words.
    pub error: Option<String>,
    /// When it was committed.
    pub created_at: Millis,
    /// When its process started.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub ended_at: Option<Millis>,
}
