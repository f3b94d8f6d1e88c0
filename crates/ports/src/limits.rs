//! Limits of tasks as the masters use them: which waiting tasks have room, and how projects share workers.

use std::collections::BTreeSet;

use async_trait::async_trait;
use engine::ids::{Incarnation, InstanceId, TaskIndex};
use engine::limits::ProjectCap;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// A limit as a task of a project means it: the project's own of that name, else the shared one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitKey {
    /// The project.
    pub project: String,
    /// The limit; empty for the cap of the project's tasks.
    pub name: String,
}

/// The limits whose queues are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitScope {
    /// Every limit that a task waits for.
    All,
    /// These.
    Keys(BTreeSet<LimitKey>),
}

/// A waiting task whose limits have room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdmissibleTask {
    /// Who owns its instance.
    pub owner: Incarnation,
    /// Its instance.
    pub instance: InstanceId,
    /// The task.
    pub task_index: TaskIndex,
}

/// How the tasks of a project share workers with those of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectShare {
    /// The project.
    pub project: String,
    /// Whether its attempts are counted.
    pub cap: ProjectCap,
    /// Its weight among projects that wait for slots of one worker group; 1 to 100.
    pub weight: u32,
}

/// A task that was not bound to a worker, because a limit had no room for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRefusal {
    /// The task.
    pub task_index: TaskIndex,
    /// Which limit lacks what, as a readable text.
    pub reason: String,
}

/// The queues of limits.
#[async_trait]
pub trait LimitStore: Send + Sync + 'static {
    /// Finds the tasks at the head of the queues that have room in all their limits, of all owners; of those that have
    /// it together, the first ones.
    async fn find_admissible_tasks(&self, scope: &LimitScope) -> Result<Vec<AdmissibleTask>, StoreError>;

    /// Lists the projects with a cap of tasks, or another weight than 1.
    async fn list_project_shares(&self) -> Result<Vec<ProjectShare>, StoreError>;

    /// Counts the attempts of an owner that were bound before their project got its cap, and forgets those that ended
    /// meanwhile.
    async fn reconcile_project_caps(&self, owner: Incarnation) -> Result<(), StoreError>;
}
