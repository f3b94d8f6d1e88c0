//! Instances that tasks of other instances start.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use engine::children::{ChildRefusal, ChildResult, ChildSummary};
use engine::ids::{AttemptNumber, Epoch, Incarnation, InstanceId, TaskIndex, Timestamp};
use engine::spec::{Definition, ProjectDefaults};
use engine::states::Command;
use engine::task_type::child_workflow::ChildWorkflow;

use crate::error::StoreError;
use crate::instances::NewInstance;
use crate::membership::NodeIdentity;

/// An open attempt of a task that starts instances, as its owner names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentTask {
    /// The instance.
    pub instance: InstanceId,
    /// Its owner; a condition of every write.
    pub owner: Incarnation,
    /// The epoch of its owner; a condition of every write.
    pub epoch: Epoch,
    /// The task's place.
    pub task_index: TaskIndex,
    /// The task's name, which its children keep.
    pub task: String,
    /// The attempt whose children they are.
    pub attempt: AttemptNumber,
    /// The first attempt whose children belong to this one too; the attempt itself when it takes none over.
    pub since: AttemptNumber,
}

/// A question for the workflow that a task starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildWorkflowQuery {
    /// The instance that asks.
    pub parent: InstanceId,
    /// Its project.
    pub project: String,
    /// Its workflow.
    pub workflow: String,
    /// What its task names.
    pub target: ChildWorkflow,
}

/// A version of a workflow that a task starts.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildVersion {
    /// The project's row.
    pub project_id: i64,
    /// The project's name.
    pub project: String,
    /// The project's parameters.
    pub project_params: BTreeMap<String, String>,
    /// What holds where the start and the definition say nothing.
    pub project_defaults: ProjectDefaults,
    /// The workflow's row.
    pub workflow_id: i64,
    /// Which version.
    pub version: i64,
    /// What it means.
    pub definition: Arc<Definition>,
}

/// New children of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildrenCommit {
    /// The attempt. Nothing is stored unless it is open, and nothing ends it or its instance.
    pub parent: ParentTask,
    /// The children; each names the attempt and its index in its trigger.
    pub instances: Vec<NewInstance>,
}

/// A child that a commit made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedChild {
    /// Its place among the new instances of the commit.
    pub place: usize,
    /// The instance.
    pub id: InstanceId,
    /// Its first owner; without one it waits to be claimed, or is not admitted yet.
    pub owner: Option<NodeIdentity>,
}

/// What became of a commit of children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildrenOutcome {
    /// Every child exists: these are new, the others were made before.
    Stored(Vec<CreatedChild>),
    /// The parent is being written, or the attempt may start nothing any more: nothing was stored.
    Deferred,
    /// The workflow is disabled or deleted: nothing was stored.
    NotStartable,
    /// The store refuses the commit alone: nothing was stored.
    Rejected(String),
}

/// Children of earlier attempts that an attempt takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildrenTakeover {
    /// The attempt.
    pub parent: ParentTask,
    /// The number of children of this attempt; those past it stay where they are.
    pub count: u32,
    /// When.
    pub at: Timestamp,
}

/// Whether every child that is to be taken over was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeoverOutcome {
    /// None is left; these got a command.
    Done(Vec<InstanceId>),
    /// Some rows were being written: try again.
    Deferred,
}

/// A command for children, from the owner of their parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildrenCommand {
    /// The attempt.
    pub parent: ParentTask,
    /// What is asked for.
    pub command: Command,
    /// The children.
    pub children: Vec<InstanceId>,
    /// When.
    pub at: Timestamp,
}

/// The instances that tasks start.
#[async_trait]
pub trait ChildStore: Send + Sync + 'static {
    /// Finds the version that each task starts; one answer per query, in its order. A refusal says what the task lacks:
    /// the project, the workflow, its version, a grant; that the workflow is disabled, contains itself, or is nested too
    /// deeply.
    async fn find_child_versions(
        &self,
        queries: &[ChildWorkflowQuery],
    ) -> Result<Vec<Result<ChildVersion, ChildRefusal>>, StoreError>;

    /// Creates children, each once: one of the same attempt and index that exists stays as it is. One answer per
    /// commit, in its order.
    async fn create_children(&self, commits: &[ChildrenCommit]) -> Result<Vec<ChildrenOutcome>, StoreError>;

    /// Moves the children of earlier attempts to this one. In the same transaction failed and stopped ones get the
    /// command `recover`, paused ones `resume`. Repeating it changes nothing.
    async fn take_over_children(&self, takeover: &ChildrenTakeover) -> Result<TakeoverOutcome, StoreError>;

    /// Lists the children of each attempt by index.
    async fn list_children(&self, parents: &[ParentTask]) -> Result<Vec<Vec<ChildSummary>>, StoreError>;

    /// Reads what became of the children of each attempt, by index.
    async fn read_child_results(
        &self,
        parents: &[ParentTask],
    ) -> Result<Vec<BTreeMap<u32, ChildResult>>, StoreError>;

    /// Puts a command into the inboxes of children, but for those in which the same one waits; returns which got it.
    async fn command_children(&self, command: &ChildrenCommand) -> Result<Vec<InstanceId>, StoreError>;
}
