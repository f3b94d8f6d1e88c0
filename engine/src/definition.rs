//! A workflow definition: the one canonical model behind YAML, JSON and importers.
//!
//! A value of these types is valid: names are legal, every `needs` exists, the graph has no cycle. Values
//! come from `document::read`, which reports every error at once, and go back by `document::write`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::Ordinal;
use crate::states::{Backoff, FailureStrategy, OnTimeout, OnWorkerLost, Priority};

/// A validated workflow definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Unique in its project.
    pub name: String,
    /// The project that the document names, if it names one.
    pub project: Option<String>,
    /// For people.
    pub description: String,
    /// For people and filters.
    pub labels: BTreeMap<String, String>,
    /// Workflow parameters, in document order.
    pub params: Vec<Param>,
    /// The limit of one run of an instance, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// What the limit does.
    pub on_timeout: OnTimeout,
    /// What a final failure means for the others, unless the start says otherwise.
    pub failure_strategy: FailureStrategy,
    /// Unless the start says otherwise.
    pub priority: Priority,
    /// Default for its tasks.
    pub worker_group: String,
    /// In document order; `Ordinal` counts them.
    pub tasks: Vec<Task>,
}

/// The type of a parameter's value; values travel as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A JSON array or object.
    Json,
}

/// Whether a workflow parameter goes in or comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// An input with a default.
    In,
    /// The instance's output, filled by a task's output of that name.
    Out,
}

/// One declared parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// The type of its value.
    pub kind: ParamType,
    /// In or out.
    pub direction: Direction,
    /// The default; may hold placeholders. `None` only for `Direction::Out` or a required one.
    pub value: Option<Value>,
}

/// One declared output of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// The value when the task printed none.
    pub default: Option<String>,
}

/// When a failed attempt is followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Further attempts after the first, within one run.
    pub max: u32,
    /// From the end of the failed attempt, in milliseconds.
    pub delay_ms: i64,
    /// How the wait grows.
    pub backoff: Backoff,
    /// The longest wait, in milliseconds.
    pub max_delay_ms: Option<i64>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: 0,
            delay_ms: 0,
            backoff: Backoff::Fixed,
            max_delay_ms: None,
        }
    }
}

/// What a worker does with a running attempt when it is cut off from masters. Its serde form travels between
/// nodes only; documents have their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCutOff {
    /// It runs on, and its result is kept.
    #[default]
    Continue,
    /// It is killed when no master at all has been in contact for so long.
    StopAfter {
        /// In milliseconds.
        ms: i64,
    },
    /// It runs only while it has a lease of its owner, so that two attempts never overlap.
    Exclusive,
}

/// What an http task sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// An HTTP method, upper case.
    pub method: String,
    /// May hold placeholders.
    pub url: String,
    /// Values may hold placeholders; in document order.
    pub headers: Vec<(String, String)>,
    /// May hold placeholders.
    pub body: Option<String>,
}

/// What a task does. Its serde form travels between nodes only; documents have their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A script for a shell.
    Shell {
        /// The script.
        run: String,
        /// The program that reads it.
        interpreter: String,
    },
    /// A Python script.
    Python {
        /// The script.
        run: String,
        /// The program that reads it.
        python: String,
    },
    /// One HTTP request.
    Http {
        /// What is sent.
        request: Request,
        /// The status codes that are a success; empty means 200 to 299.
        expect_status: Vec<u16>,
    },
    /// Nothing; runs in the owner.
    Noop,
}

impl Work {
    /// Returns the name of the task type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Shell { .. } => "shell",
            Self::Python { .. } => "python",
            Self::Http { .. } => "http",
            Self::Noop => "noop",
        }
    }
}

/// One task of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Unique in the workflow.
    pub name: String,
    /// What it does.
    pub work: Work,
    /// Its predecessors, in declared order, each once.
    pub needs: Vec<Ordinal>,
    /// Seen by this task only; in document order.
    pub params: Vec<Param>,
    /// Names it may set.
    pub outputs: Vec<Output>,
    /// Further attempts.
    pub retry: Retry,
    /// The wait after it became ready, in milliseconds.
    pub delay_ms: Option<i64>,
    /// The limit of one attempt, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// What the limit does.
    pub on_timeout: OnTimeout,
    /// Unless given, the instance's.
    pub priority: Option<Priority>,
    /// Unless given, the workflow's.
    pub worker_group: Option<String>,
    /// Extra environment of its processes.
    pub env: BTreeMap<String, String>,
    /// What follows the loss of its worker.
    pub on_worker_lost: OnWorkerLost,
    /// What its worker does with a running attempt when it is cut off.
    pub on_cut_off: OnCutOff,
    /// `false`: forbidden, passed through.
    pub enabled: bool,
}

impl Definition {
    /// Returns the task at a place.
    pub fn task(&self, ordinal: Ordinal) -> Option<&Task> {
        self.tasks.get(ordinal.index())
    }

    /// Returns the place of the task with this name.
    pub fn ordinal_of(&self, name: &str) -> Option<Ordinal> {
        let place = self.tasks.iter().position(|task| task.name == name)?;
        u32::try_from(place).ok().map(Ordinal)
    }
}
