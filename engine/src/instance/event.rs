//! The events of an instance.

use super::arguments::CommandArguments;
use crate::ids::{DispatchId, OperationId, Run, TaskIndex};
use crate::states::{Attention, Command};
use crate::task::TaskReport;

/// A command that a user gave to an instance, as its inbox row holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The inbox row.
    pub id: OperationId,
    /// What is asked for.
    pub command: Command,
    /// The run that the called node saw; another run refuses it.
    pub run: Run,
    /// The task, for commands about one.
    pub task: Option<TaskIndex>,
    /// The user.
    pub requested_by: String,
    /// What it says beside its verb.
    pub arguments: CommandArguments,
}

/// What can happen to an instance. Late, repeated and impossible events are normal and are ignored with a reason.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An owner loaded it: whatever may start, starts.
    Loaded,
    /// An operation from the inbox.
    Command(Operation),
    /// Something was reported about a task.
    Report(TaskReport),
    /// A person should know something about the attempt; only the history changes. An event that is sent again
    /// after a take-over is recorded again.
    Warning {
        /// Which.
        uid: DispatchId,
        /// What, as a readable text.
        text: String,
    },
    /// Time has passed: everything that was due by the event's time is due.
    Due,
    /// The clock was set: due times move with it, so that waits keep their length.
    ClockStepped {
        /// By how many milliseconds, forward or backward.
        by_ms: i64,
    },
    /// The system stops working on the instance until a person acts.
    Quarantine {
        /// Why.
        attention: Attention,
    },
}
