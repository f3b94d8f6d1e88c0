//! The life of one workflow instance.
//!
//! ```text
//!                 pause              nothing runs
//! queued   running -----> pausing --------------> paused
//!    |      |    ^           |                     |  |
//!    |      |    '-----------|------ resume -------'  |
//!    | stop | stop           | stop                   | stop
//!    '------'----------------'--------> stopping <----'
//!           |                |             |
//!   nothing runs, nothing waits            | every kill is confirmed
//!           |                |             |
//!   succeeded | failed   succeeded | failed     stopped | succeeded
//!
//! recover (failed, stopped), rerun (final), resume (stopped): running again, with the next run
//! force-success (final): stays, or succeeded when nothing else stands against it
//! ending (a failure with strategy `end`, or the time limit) is a part of running and pausing: what runs is
//! killed, then `failed`
//! ```
//!
//! A `Round` decides any number of events on a borrowed instance; its changes are committed, then folded in by
//! `apply`; its effects are done after that, and `pending` derives them again from what is stored.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{AttemptNumber, Epoch, Generation, InstanceId, Millis, OperationId, Ordinal, Rev, Run, Uid};
use crate::states::{InstanceState, KillCause, Outcome, TaskState, Verb};
use crate::task::{Task, Worker};

mod apply;
mod counters;
mod finish;
mod outcome;
mod owed;
mod reset;
mod round;
mod show;
mod verbs;

#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;
#[cfg(test)]
pub(crate) use tests::fixture as tests_support;

pub use apply::{Parts, apply, decide, step};
pub use counters::{Counters, Tally};
pub use owed::pending;
pub use round::{Round, WantedSlot};

/// Set when the system gave up on an instance and needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Stable, upper snake.
    pub code: String,
    /// What happened and what helps, in words.
    pub detail: String,
}

/// The stored row of one instance, without what never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its state.
    pub state: InstanceState,
    /// Why it waits or rests, in words.
    pub reason: Option<String>,
    /// Set when it needs a person.
    pub attention: Option<Attention>,
    /// Which run this is.
    pub run: Run,
    /// When this run's time limit ends; `None` while paused or without a limit.
    pub due_at: Option<Millis>,
    /// What is left of the limit while paused, in milliseconds.
    pub time_left_ms: Option<i64>,
    /// The limit is over and has been acted on in this run.
    pub timed_out: bool,
    /// The first start.
    pub started_at: Option<Millis>,
    /// The last end; `None` while not final.
    pub ended_at: Option<Millis>,
    /// Declared outputs; filled when it ends.
    pub outputs: BTreeMap<String, String>,
}

/// One instance as its owner holds it: a cache of the stored rows, and counters derived from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The database's generation; a part of every uid.
    pub generation: Generation,
    /// Under which it is owned.
    pub epoch: Epoch,
    /// The version of the stored rows; raised by one with each commit.
    pub rev: Rev,
    /// When it was created.
    pub created_at: Millis,
    /// Its own row.
    pub header: Header,
    /// Task rows by ordinal.
    pub tasks: Vec<Option<Task>>,
    /// Derived from the rows by `Instance::load`, kept by `apply`.
    pub counters: Counters,
}

/// How an attempt ended, as the worker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How.
    pub result: AttemptResult,
    /// Exit code of the process, or HTTP status.
    pub exit_code: Option<i32>,
    /// Why it did not succeed, in words.
    pub error: Option<String>,
    /// Everything it set; only declared names are kept.
    pub outputs: BTreeMap<String, String>,
    /// The process id.
    pub pid: Option<i64>,
    /// When its process started.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub ended_at: Millis,
}

impl Ended {
    /// Returns the plain end of work that the owner did itself.
    pub(crate) fn succeeded(at: Millis) -> Self {
        Self {
            result: AttemptResult::Succeeded,
            exit_code: None,
            error: None,
            outputs: BTreeMap::new(),
            pid: None,
            started_at: None,
            ended_at: at,
        }
    }
}

/// The kinds of end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// It did what it should.
    Succeeded,
    /// It ended by itself without success.
    Failed,
    /// The worker ended it because its time was over.
    TimedOut,
    /// The worker ended it because it was told to, or somebody killed it from outside.
    Killed,
}

/// What can happen to an instance. Late, repeated and impossible events are normal and are ignored with a reason.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An owner loaded it: whatever may start, starts.
    Loaded,
    /// A control operation, from the inbox.
    Verb {
        /// The inbox row.
        operation: OperationId,
        /// What is asked.
        verb: Verb,
        /// The run that the called node saw; another run refuses it.
        run: Run,
        /// The task, for force-success.
        task: Option<Ordinal>,
    },
    /// The task got a slot on this worker.
    Granted {
        /// The task.
        ordinal: Ordinal,
        /// Where.
        worker: Worker,
    },
    /// There is no slot for the task now.
    NoSlot {
        /// The task.
        ordinal: Ordinal,
        /// What is missing, in words; names the group.
        reason: String,
    },
    /// The worker started the attempt.
    Started {
        /// Which.
        uid: Uid,
        /// The process id.
        pid: Option<i64>,
        /// When.
        at: Millis,
    },
    /// The attempt ended.
    Ended {
        /// Which.
        uid: Uid,
        /// How.
        ended: Ended,
    },
    /// The owner itself ended an attempt of a `noop` task or of a dry run.
    FinishedInOwner {
        /// The task.
        ordinal: Ordinal,
        /// Which attempt.
        attempt: AttemptNumber,
    },
    /// The worker surely never started the attempt, and never will (refused, tombstoned, not delivered).
    NotStarted {
        /// Which.
        uid: Uid,
        /// Why, in words.
        reason: String,
    },
    /// The worker life is over, or the worker does not know how the attempt ended; it may have run.
    Lost {
        /// Which.
        uid: Uid,
        /// Why, in words.
        reason: String,
    },
    /// The attempt will be lost, but not yet: it may still run.
    HeldBack {
        /// Which.
        uid: Uid,
        /// What is waited for, in words.
        reason: String,
    },
    /// A person should know something about the attempt; nothing but the history changes. Sent again after a
    /// take-over, it is told again.
    Warned {
        /// Which.
        uid: Uid,
        /// What, in words.
        text: String,
    },
    /// Time has passed: everything due by the event's time is over.
    Due,
    /// The system gives up on the instance and asks for a person.
    GiveUp {
        /// Why.
        attention: Attention,
    },
}

/// What is to be done outside once the changes are stored. Each can be derived again by `pending`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The task needs a slot.
    WantSlot {
        /// The task.
        ordinal: Ordinal,
    },
    /// The slot queue may forget the task.
    DropSlot {
        /// The task.
        ordinal: Ordinal,
    },
    /// Send the attempt to its worker.
    Dispatch {
        /// The task.
        ordinal: Ordinal,
        /// The attempt.
        uid: Uid,
    },
    /// Tell the worker to kill the attempt.
    Kill {
        /// The task.
        ordinal: Ordinal,
        /// The attempt.
        uid: Uid,
        /// Why.
        cause: KillCause,
    },
    /// End an attempt that runs in the owner, as an event of the next round.
    FinishInOwner {
        /// The task.
        ordinal: Ordinal,
        /// The attempt.
        attempt: AttemptNumber,
    },
    /// Send `Due` at this time.
    WakeAt {
        /// When.
        at: Millis,
    },
    /// A time limit with a warning is over.
    Warn {
        /// The task, or none for the instance's own limit.
        ordinal: Option<Ordinal>,
        /// In words.
        text: String,
    },
    /// Nothing is left to be done: the owner lets go.
    Rest,
    /// The event changed nothing.
    Ignore {
        /// Why, in words.
        reason: String,
    },
}

/// One stored step of a state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The task, or none for the instance's own.
    pub ordinal: Option<Ordinal>,
    /// The attempt that it concerns.
    pub attempt: Option<AttemptNumber>,
    /// The state before, by name; none at birth.
    pub from: Option<&'static str>,
    /// The state after, by name.
    pub to: &'static str,
    /// Why, in words.
    pub why: String,
}

/// Rows that go back to `pending` with one statement; a transition tells of each that left another state.
///
/// Each reset row gets `attempts_before_run = attempts`, `lost_in_run = 0`, no reason, no due time; a row
/// reset by `All` also loses outputs, `started_at` and `ended_at`. An unbound attempt keeps its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Rerun: every row.
    All,
    /// Recover: `failed`, `killed`, `not_run`.
    FailedAndKilled,
    /// Resume from stopped: `killed`, `not_run`.
    Killed,
    /// Resume from paused: `not_run`; `attempts_before_run` and `lost_in_run` stay.
    Held,
}

impl Reset {
    /// Returns the states of the rows that it touches; none means every row.
    pub fn states(self) -> Option<&'static [TaskState]> {
        match self {
            Self::All => None,
            Self::FailedAndKilled => Some(&[TaskState::Failed, TaskState::Killed, TaskState::NotRun]),
            Self::Killed => Some(&[TaskState::Killed, TaskState::NotRun]),
            Self::Held => Some(&[TaskState::NotRun]),
        }
    }
}

/// The decision on one control operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The inbox row.
    pub operation: OperationId,
    /// Applied or refused.
    pub outcome: Outcome,
    /// In words, when refused.
    pub detail: Option<String>,
}

/// What one round changes; committed as one unit, then folded into the state by `apply`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// The instance's row, when it changed.
    pub header: Option<Header>,
    /// Applied to the stored rows before `tasks`.
    pub reset: Option<Reset>,
    /// Attempts to close although a later one of the same task is in `tasks`.
    pub closed: Vec<(Ordinal, crate::task::Attempt)>,
    /// The task rows that changed, with their latest attempt.
    pub tasks: BTreeMap<Ordinal, Task>,
    /// The history.
    pub transitions: Vec<Transition>,
    /// Control operations decided in this round.
    pub decided: Vec<Decided>,
    /// The instance is at rest afterwards: owner and host become NULL in the same statement.
    pub rests: bool,
}

impl Changes {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
