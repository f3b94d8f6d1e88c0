//! The one canonical model of a workflow behind YAML, JSON, importers.
//!
//! A value of these types is valid: names are legal, every `needs` exists, the graph has no cycle. Values
//! come from `spec::parse`, which reports every error at once, and go back by `spec::serialize`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::concurrency::ConcurrencyRule;
use super::values::ParamType;
use crate::alert::rule::AlertRule;
use crate::ids::TaskIndex;
use crate::plan::trigger_rule::TriggerRule;
use crate::schedule::definition::ScheduleDefinition;
use crate::states::{Backoff, FailureStrategy, OnTimeout, OnWorkerLost, Priority};
use crate::task_type::action::TaskAction;
use crate::timezone::Tz;

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
    /// The zone of its instances, unless their start says otherwise.
    pub timezone: Option<Tz>,
    /// Workflow parameters, in document order.
    pub params: Vec<Param>,
    /// The limit of one run of an instance, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// What the limit does.
    pub on_timeout: OnTimeout,
    /// What a final failure means for the others, unless the start says otherwise.
    pub failure_strategy: FailureStrategy,
    /// Unless the start says otherwise; without one the project's.
    pub priority: Option<Priority>,
    /// Default for its tasks; without one the project's.
    pub worker_group: Option<String>,
    /// How many of its instances may be admitted at a time; the current version's rule holds for all versions.
    pub concurrency: Option<ConcurrencyRule>,
    /// How long an instance may be queued, in milliseconds, unless its start says otherwise.
    pub start_within_ms: Option<i64>,
    /// Which events of its instances, schedules and backfills send alerts.
    pub notify: Vec<AlertRule>,
    /// When it is started, by name.
    pub schedules: BTreeMap<String, ScheduleDefinition>,
    /// In document order; `TaskIndex` counts them.
    pub tasks: Vec<TaskDefinition>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// The type of its value.
    pub kind: ParamType,
    /// In or out.
    pub direction: Direction,
    /// The text of the default; may hold placeholders. `None` only for `Direction::Out` or a required one.
    pub value: Option<String>,
}

/// One declared output of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// The type of its value.
    pub kind: ParamType,
    /// The value when the task set none.
    pub default: Option<String>,
}

/// When a failed attempt is followed by another. Its serde form is stored; documents have their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Further attempts after the first, within one run.
    pub max: u32,
    /// From the end of the failed attempt, in milliseconds.
    pub delay_ms: i64,
    /// How the wait grows.
    pub backoff: Backoff,
    /// The longest wait, in milliseconds.
    pub max_delay_ms: Option<i64>,
}

impl Default for RetryPolicy {
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
    /// It is killed when no master has been in contact for this time.
    StopAfter {
        /// In milliseconds.
        ms: i64,
    },
    /// It runs only while it has a lease of its owner, so that two attempts never overlap.
    Exclusive,
}

/// A predecessor of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predecessor {
    /// The predecessor.
    pub task: TaskIndex,
    /// What is waited for.
    pub on: TriggerRule,
}

/// Slots of a named limit that a task holds while it runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LimitUse {
    /// The limit: of the project, else one that all projects share.
    pub name: String,
    /// How many; at least 1.
    pub slots: u32,
}

/// One task of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskDefinition {
    /// Unique in the workflow.
    pub name: String,
    /// What it does.
    pub action: TaskAction,
    /// Its predecessors, in declared order, each once.
    pub needs: Vec<Predecessor>,
    /// Seen by this task only; in document order.
    pub params: Vec<Param>,
    /// Names it may set.
    pub outputs: Vec<Output>,
    /// Further attempts; without a policy the project's, on workers.
    pub retry: Option<RetryPolicy>,
    /// An expression that is asked each time it would start; where it is false the task is skipped.
    pub when: Option<String>,
    /// The wait after it became ready, in milliseconds.
    pub delay_ms: Option<i64>,
    /// The limit of one attempt, in milliseconds; without one the project's, on workers.
    pub timeout_ms: Option<i64>,
    /// What the limit does.
    pub on_timeout: OnTimeout,
    /// Unless given, the instance's.
    pub priority: Option<Priority>,
    /// Unless given, the workflow's.
    pub worker_group: Option<String>,
    /// The limits whose slots it holds while it runs, each once.
    pub limits: Vec<LimitUse>,
    /// The longest wait for slots and limits, in milliseconds; then it fails without an attempt.
    pub wait_within_ms: Option<i64>,
    /// Extra environment of its processes.
    pub env: BTreeMap<String, String>,
    /// What follows the loss of its worker.
    pub on_worker_lost: OnWorkerLost,
    /// What its worker does with a running attempt when it is cut off.
    pub on_cut_off: OnCutOff,
    /// `false`: it never runs, and counts as succeeded when its dependencies are met.
    pub enabled: bool,
}

impl Definition {
    /// Returns the task at a place.
    pub fn task(&self, task_index: TaskIndex) -> Option<&TaskDefinition> {
        self.tasks.get(task_index.as_usize())
    }

    /// Returns the place of the task with this name.
    pub fn task_index_of(&self, name: &str) -> Option<TaskIndex> {
        let place = self.tasks.iter().position(|task| task.name == name)?;
        u32::try_from(place).ok().map(TaskIndex)
    }
}
