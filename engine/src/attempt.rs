//! The events and the end of one attempt.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::Timestamp;

/// How an attempt ended. Its serde form is the one of the journal, the wire and the store; a field that is added has a
/// default, so that an earlier form is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEnd {
    /// The kind of end.
    pub result: AttemptResult,
    /// Exit code of the process, or HTTP status.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// Why it did not succeed, as a readable text.
    #[serde(default)]
    pub error: Option<String>,
    /// Whether a next attempt may end in another way, when it did not succeed.
    #[serde(default, skip_serializing_if = "FailureKind::is_transient")]
    pub failure: FailureKind,
    /// The declared outputs that it set.
    #[serde(default)]
    pub outputs: BTreeMap<String, String>,
    /// The process id.
    #[serde(default)]
    pub pid: Option<i64>,
    /// When its process started.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// The size of its log in bytes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    /// When it ended.
    pub ended_at: Timestamp,
}

impl AttemptEnd {
    /// Returns the end of an attempt that succeeded without a process.
    pub fn succeeded(at: Timestamp) -> Self {
        Self {
            result: AttemptResult::Succeeded,
            exit_code: None,
            error: None,
            failure: FailureKind::Transient,
            outputs: BTreeMap::new(),
            pid: None,
            started_at: None,
            log_bytes: None,
            ended_at: at,
        }
    }

    /// Returns the end of an attempt that never started and would never succeed.
    pub fn hopeless(error: &str, at: Timestamp) -> Self {
        Self {
            failure: FailureKind::Permanent,
            ..Self::unstarted(AttemptResult::Failed, error, at)
        }
    }

    /// Returns the end of an attempt whose process never started; it has no log.
    pub fn unstarted(result: AttemptResult, error: &str, at: Timestamp) -> Self {
        Self {
            result,
            error: Some(error.to_owned()),
            log_bytes: Some(0),
            ..Self::succeeded(at)
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
    /// The worker ended it because its time limit passed.
    TimedOut,
    /// It was killed, by the worker on request or from outside.
    Killed,
}

/// Whether a next attempt may end in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It may: the retry policy decides.
    #[default]
    Transient,
    /// It cannot: there is no retry.
    Permanent,
}

impl FailureKind {
    fn is_transient(&self) -> bool {
        *self == Self::Transient
    }
}

/// What can be reported about one attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptEvent {
    /// Its process started.
    Started {
        /// The process id.
        pid: Option<i64>,
        /// When.
        at: Timestamp,
    },
    /// It ended.
    Ended(AttemptEnd),
    /// It has not started and never will (refused, tombstoned, not delivered).
    NotStarted {
        /// Why, as a readable text.
        reason: String,
    },
    /// Its worker is dead or does not know how it ended; it may have run.
    Lost {
        /// Why, as a readable text.
        reason: String,
    },
    /// It will be reported lost later; until then it may still run.
    LossDeferred {
        /// What is waited for, as a readable text.
        reason: String,
    },
}

impl fmt::Display for AttemptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Killed => "killed",
        })
    }
}

impl fmt::Display for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.result)
    }
}

impl fmt::Display for AttemptEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { .. } => f.write_str("started"),
            Self::Ended(end) => write!(f, "ended {end}"),
            Self::NotStarted { .. } => f.write_str("not started"),
            Self::Lost { .. } => f.write_str("lost"),
            Self::LossDeferred { .. } => f.write_str("loss deferred"),
        }
    }
}
