//! The states that are stored by name, with the choices of documents.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not one of {known}")]
pub struct UnknownName {
    /// What was read.
    pub found: String,
    /// The known names, separated by commas.
    pub known: String,
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stored and shown name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(|| UnknownName {
                    found: text.to_owned(),
                    known: Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

pub(crate) use named;

mod command;

pub use command::Command;

/// Set when the system stopped working on an instance until a person acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Stable, upper snake.
    pub code: String,
    /// What happened and what helps, as a readable text.
    pub detail: String,
}

named!(
    /// The state of an instance.
    InstanceState {
        /// Accepted; waits for a limit or a serial rule.
        Queued = "queued",
        /// Tasks run or may start.
        Running = "running",
        /// Running attempts may end; nothing starts.
        Pausing = "pausing",
        /// Idle, not final.
        Paused = "paused",
        /// Running attempts are being killed.
        Stopping = "stopping",
        /// Final: ended by a stop.
        Stopped = "stopped",
        /// Final: something failed.
        Failed = "failed",
        /// Final: everything reachable succeeded.
        Succeeded = "succeeded",
    }
);

impl InstanceState {
    /// Whether only commands leave this state.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed | Self::Succeeded)
    }

    /// Whether nothing is to be done in this state, so that the instance needs no owner.
    pub fn is_idle(self) -> bool {
        self.is_final() || matches!(self, Self::Queued | Self::Paused)
    }
}

named!(
    /// The state of a task instance.
    TaskState {
        /// Its dependencies are not met; it has no row, or a row that was reset.
        Pending = "pending",
        /// Ready, but its start delay has not passed.
        Delayed = "delayed",
        /// Ready; waits for a slot or a limit.
        Waiting = "waiting",
        /// Its attempt is bound to a worker.
        Dispatched = "dispatched",
        /// Its attempt runs.
        Running = "running",
        /// Waits for its next attempt.
        WaitingRetry = "waiting_retry",
        /// Final.
        Succeeded = "succeeded",
        /// Final: a person declared it a success.
        ForcedSuccess = "forced_success",
        /// Final.
        Failed = "failed",
        /// Final: ended by a stop, a strategy, or from outside.
        Killed = "killed",
        /// Final: the branch was not taken.
        Skipped = "skipped",
        /// Final with its instance: never started.
        NotRun = "not_run",
    }
);

impl TaskState {
    /// Whether the task holds its instance open.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Delayed | Self::Waiting | Self::Dispatched | Self::Running | Self::WaitingRetry
        )
    }

    /// Whether the task stands for a success of its instance.
    pub fn counts_as_success(self) -> bool {
        matches!(self, Self::Succeeded | Self::ForcedSuccess | Self::Skipped)
    }
}

named!(
    /// The state of an attempt.
    AttemptState {
        /// Committed; bound to a worker or waiting for one.
        Created = "created",
        /// A process, or the owner itself, works on it.
        Running = "running",
        /// Final.
        Succeeded = "succeeded",
        /// Final.
        Failed = "failed",
        /// Final.
        Killed = "killed",
        /// Final: it may have started, and no node knows how it ended.
        Lost = "lost",
    }
);

impl AttemptState {
    /// Whether the attempt has not ended.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Running)
    }
}

named!(
    /// Why an open attempt is being killed; decides what its confirmed end means.
    KillCause {
        /// The instance is being stopped: the task ends `killed`.
        Stop = "stop",
        /// The attempt ran out of time: it is `failed`, and retried like any failure.
        Timeout = "timeout",
        /// Another task failed and the strategy is `end`, or the instance ran out of time: `killed`.
        Strategy = "strategy",
        /// A person kills the task while its instance continues: `killed`, and not retried.
        Kill = "kill",
        /// A person skips the task: `forced_success`, however the attempt ends.
        Skip = "skip",
    }
);

named!(
    /// What a time limit does.
    OnTimeout {
        /// Reports it; the attempt continues.
        Warn = "warn",
        /// Ends it as failed.
        Fail = "fail",
        /// Reports it and ends it as failed.
        Both = "both",
    }
);

impl OnTimeout {
    /// Whether the limit ends what it limits.
    pub fn fails(self) -> bool {
        matches!(self, Self::Fail | Self::Both)
    }
}

named!(
    /// What a final failure of one task means for the others.
    FailureStrategy {
        /// Other branches continue.
        Continue = "continue",
        /// Every running attempt is killed.
        End = "end",
    }
);

named!(
    /// The order of slot requests, most urgent first.
    Priority {
        /// 1.
        Highest = "highest",
        /// 2.
        High = "high",
        /// 3, the default.
        Medium = "medium",
        /// 4.
        Low = "low",
        /// 5.
        Lowest = "lowest",
    }
);

named!(
    /// What happens to a task whose worker was lost.
    OnWorkerLost {
        /// The next attempt starts, up to five in one run.
        Rerun = "rerun",
        /// The task fails.
        Fail = "fail",
    }
);

named!(
    /// How the wait between attempts grows.
    Backoff {
        /// The same wait each time.
        Fixed = "fixed",
        /// Doubles each time, up to the maximum.
        Exponential = "exponential",
    }
);

named!(
    /// Which tasks a start with chosen tasks runs.
    Scope {
        /// Every task.
        All = "all",
        /// The chosen ones.
        Only = "only",
        /// The chosen ones and everything they need.
        Upstream = "upstream",
        /// The chosen ones and everything that needs them.
        Downstream = "downstream",
    }
);

named!(
    /// Why an owner took an instance; one entry of the owner log each.
    OwnershipReason {
        /// A new instance.
        Start = "start",
        /// Recovered.
        Recover = "recover",
        /// Resumed.
        Resume = "resume",
        /// Run again.
        Rerun = "rerun",
        /// Stopped while it had no owner.
        Stop = "stop",
        /// Paused while it had no owner.
        Pause = "pause",
        /// A task was forced to success.
        ForceSuccess = "force-success",
        /// A task was killed.
        KillTask = "kill-task",
        /// A task was skipped.
        SkipTask = "skip-task",
        /// A task was run by itself.
        RunTask = "run-task",
        /// A task was tried again.
        RetryTask = "retry-task",
        /// A task was approved.
        Approve = "approve",
        /// A task was rejected.
        Reject = "reject",
        /// Another priority was set.
        Priority = "priority",
        /// The owner died or left.
        Failover = "failover",
        /// The owner drained.
        Handover = "handover",
        /// The owner's node started again.
        Restart = "restart",
    }
);

named!(
    /// The state of an incarnation of a node; only moves forward.
    MemberState {
        /// Registered, not yet working.
        Joining = "joining",
        /// Working.
        Active = "active",
        /// Takes nothing new.
        Draining = "draining",
        /// Ended by itself.
        Left = "left",
        /// Declared dead by another.
        Dead = "dead",
    }
);

named!(
    /// What became of an operation.
    OperationStatus {
        /// Not decided yet.
        Pending = "pending",
        /// Its change is stored.
        Applied = "applied",
        /// It cannot apply in the state that the owner found.
        Refused = "refused",
    }
);

named!(
    /// The days of the week of a calendar.
    CalendarDays {
        /// Every day.
        All = "all",
        /// Monday to Friday.
        Weekdays = "weekdays",
    }
);

#[cfg(test)]
mod tests;
