//! Instances that the tasks of other instances wait for.

use async_trait::async_trait;
use engine::dependent::{DependencyTarget, ItemObservation, TimeInterval};
use engine::ids::{Incarnation, InstanceId, TaskIndex, Timestamp};

use crate::error::StoreError;

/// What one task waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyWaits {
    /// The instance of the task.
    pub instance: InstanceId,
    /// The task.
    pub task_index: TaskIndex,
    /// Ends of instances in one of these ranges wake it.
    pub ranges: Vec<WaitedRange>,
}

/// Instances of a workflow by their base instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitedRange {
    /// The workflow's row.
    pub workflow_id: i64,
    /// Their base instants.
    pub bases: TimeInterval,
}

/// A task that an end has woken and that has not looked since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WokenDependent {
    /// The instance of the task.
    pub instance: InstanceId,
    /// The task.
    pub task_index: TaskIndex,
    /// Who owns the instance.
    pub owner: Option<Incarnation>,
}

/// The question for the instances that decide about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateQuery {
    /// The project's row.
    pub project_id: i64,
    /// The workflow's row.
    pub workflow_id: i64,
    /// Which instances.
    pub window: CandidateWindow,
    /// What of them is asked for.
    pub target: DependencyTarget,
    /// Only instances with an earlier base instant: the item is about the workflow of the waiting instance itself.
    pub before: Option<Timestamp>,
    /// Whether outputs are read.
    pub outputs: PassedOutputs,
}

/// Which instances of a workflow may decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateWindow {
    /// In each interval of base instants, the newest.
    Intervals(Vec<TimeInterval>),
    /// The newest that succeeded and ended then or later.
    EndedSince(Timestamp),
}

/// Whether an item passes outputs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassedOutputs {
    /// They are read.
    Read,
    /// They are not needed.
    Unread,
}

/// What dependent tasks wait for.
#[async_trait]
pub trait DependencyStore: Send + Sync + 'static {
    /// Stores what tasks wait for, in place of what they waited for before; none of them counts as woken afterwards. A
    /// candidate that is read later includes every end that did not wake them.
    async fn store_dependency_waits(&self, waits: &[DependencyWaits]) -> Result<(), StoreError>;

    /// Finds the instances that decide: one answer for each question, in their order. Dry runs, instances that ended
    /// before they ran, and, unless a task is asked for, starts with chosen tasks are passed over.
    async fn find_candidates(&self, queries: &[CandidateQuery]) -> Result<Vec<ItemObservation>, StoreError>;

    /// Wakes what waits for instances that have ended, and lists what is woken: at most a few thousand tasks.
    async fn wake_dependents(&self) -> Result<Vec<WokenDependent>, StoreError>;

    /// Marks as woken what waits in instances of `owner` for instances that have ended since then, whether or not their
    /// ends were recorded.
    async fn compare_with_ends(&self, owner: Incarnation, ended_since: Timestamp) -> Result<(), StoreError>;

    /// Marks tasks as not woken, before they look.
    async fn clear_woken(&self, tasks: &[(InstanceId, TaskIndex)]) -> Result<(), StoreError>;
}
