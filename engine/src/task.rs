//! The life of one task instance.
//!
//! ```text
//!            ready              delay over              slot             started
//! pending ---------> delayed --------------> waiting ---------> dispatched -----> running
//!    |                  |      ready            ^  ^               |    |            |
//!    |------------------|---------------------->|  |- not started -|    |--- ended --|
//!    |                  |                       |  |- lost --------|-----------------|
//!    | ready, in the    |                       |                                    |
//!    | owner itself     |                retry due                                   |
//!    |------------------|---- running           |                                    |
//!                                         waiting_retry <------ failed, tries left --|
//!                                                                                    |
//!                       succeeded | failed | killed <--------------------------------|
//!
//! hold (pausing):  delayed, waiting -> not_run;  waiting_retry stays, without a due time
//! end (stopping):  delayed, waiting -> not_run;  waiting_retry -> killed;  open attempts get a kill cause
//! force:           pending, failed, killed, not_run -> forced_success
//! reset:           by the instance's verbs -> pending (not a step; see `instance`)
//! ```
//!
//! `step` is the whole machine. Events name the attempt that they mean; any other is ignored with a reason.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition;
use crate::ids::{AttemptNumber, Epoch, Generation, Incarnation, InstanceId, Millis, Ordinal, Uid};
use crate::instance::Ended;
use crate::states::{AttemptState, KillCause, TaskState};

mod attempt;
mod machine;
mod moves;
mod show;
#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;

pub use machine::step;
pub(crate) use show::Span;

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

impl Task {
    /// Returns the row of a task that was never ready.
    pub fn unstarted() -> Self {
        Self {
            state: TaskState::Pending,
            reason: None,
            attempts: 0,
            attempts_before_run: 0,
            lost_in_run: 0,
            due_at: None,
            started_at: None,
            ended_at: None,
            outputs: BTreeMap::new(),
            attempt: None,
        }
    }

    /// Returns the attempt that has not ended.
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref().filter(|attempt| attempt.state.is_open())
    }

    /// Whether a kept attempt waits for a binding.
    pub fn has_unbound_attempt(&self) -> bool {
        self.open_attempt()
            .is_some_and(|attempt| attempt.state == AttemptState::Created && attempt.uid.is_none())
    }

    /// Returns how many attempts of this run count against `retry.max`, the latest included.
    fn counted(&self) -> u32 {
        self.attempts
            .saturating_sub(self.attempts_before_run)
            .saturating_sub(self.lost_in_run)
    }
}

/// Where a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On a worker, in a slot.
    Worker,
    /// In the owner: no worker, no slot, one attempt.
    Owner,
    /// In the owner and without its start delay, because the whole instance is a dry run.
    DryRun,
}

/// What the instance lets its tasks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Tasks start, and wait for their next attempt.
    Open,
    /// What runs may end; nothing starts and nothing is waited for.
    Pausing,
    /// What runs is killed: a stop, the failure strategy `end`, or the instance ran out of time.
    Ending,
}

/// What a step must know besides the row.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The task's definition.
    pub task: &'a definition::Task,
    /// Where it runs.
    pub place: Place,
    /// The group whose slots it uses.
    pub group: &'a str,
    /// What the instance allows.
    pub mode: Mode,
    /// The time of the event.
    pub at: Millis,
    /// Under which new attempts are made.
    pub epoch: Epoch,
    /// A part of every uid.
    pub generation: Generation,
    /// A part of every uid.
    pub instance: InstanceId,
    /// A part of every uid.
    pub ordinal: Ordinal,
}

/// What can happen to a task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskEvent {
    /// Its predecessors are done.
    Ready,
    /// It got a slot.
    Bound {
        /// Where.
        worker: Worker,
    },
    /// There is no slot for it now.
    NoSlot {
        /// What is missing, in words.
        reason: String,
    },
    /// Its process started.
    Started {
        /// Which attempt.
        uid: Uid,
        /// The process id.
        pid: Option<i64>,
        /// When.
        at: Millis,
    },
    /// Its attempt ended.
    Ended {
        /// Which attempt.
        uid: Uid,
        /// How.
        ended: Ended,
    },
    /// The owner ended the attempt that ran in it.
    FinishedInOwner {
        /// Which attempt.
        attempt: AttemptNumber,
    },
    /// The attempt surely never started and never will.
    NotStarted {
        /// Which attempt.
        uid: Uid,
        /// Why, in words.
        reason: String,
    },
    /// Nobody can say how the attempt ended.
    Lost {
        /// Which attempt.
        uid: Uid,
        /// Why, in words.
        reason: String,
    },
    /// Its attempt will be lost, but may still run.
    HeldBack {
        /// Which attempt.
        uid: Uid,
        /// What is waited for, in words.
        reason: String,
    },
    /// Its due time may be over.
    Due,
    /// The instance is being paused.
    Hold,
    /// The instance goes on after a pause.
    Resumed,
    /// The instance ends: what runs is killed, what has not started never will.
    End {
        /// Why.
        cause: KillCause,
        /// In words.
        reason: String,
    },
    /// The paused instance ended as failed: no next attempt.
    Abandon,
    /// A person declared it a success.
    Force,
}

/// What a task asks of its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A slot on a worker.
    Slot,
    /// Its slot, or its place in the queue, is of no use to it.
    DropSlot,
    /// To end its attempt in the owner, as an event of the next round.
    FinishInOwner,
    /// To tell the worker to kill its attempt.
    Kill,
    /// To say that a time limit is over.
    Warn(String),
    /// To store the end of an attempt that a later one replaces in the row.
    Close(Attempt),
    /// Nothing: the event changed nothing.
    Ignore(String),
}

/// What one event made of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The row afterwards.
    pub task: Task,
    /// Why it changed, in words; none when it did not.
    pub why: Option<String>,
    /// What is asked of the instance.
    pub asks: Vec<Ask>,
}
