//! Instances as readers see them.

use std::collections::BTreeMap;

use engine::ids::{Epoch, Incarnation, InstanceId, Millis, Run};
use engine::instance::Attention;
use engine::states::{FailureStrategy, InstanceState, Priority, TaskState};

use super::{Catalog, CatalogError, Page, PageRequest, ProjectId, Request, Visible};

/// How many tasks are in which state; states without a task are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskCounts {
    /// All tasks of the version.
    pub total: u32,
    /// The sum of these is `total`.
    pub by_state: BTreeMap<TaskState, u32>,
}

/// One instance as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Its id.
    pub id: InstanceId,
    /// The project's row, for the check of permissions.
    pub project_id: ProjectId,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The pinned version.
    pub version: i64,
    /// Its state.
    pub state: InstanceState,
    /// Why it waits or rests, in words.
    pub reason: Option<String>,
    /// Set when it needs a person.
    pub attention: Option<Attention>,
    /// Counts its starts.
    pub run: Run,
    /// Who or what started it, for example `api`.
    pub trigger: String,
    /// Declared defaults, overlaid by what the start gave.
    pub params: BTreeMap<String, String>,
    /// Filled when it ends.
    pub outputs: BTreeMap<String, String>,
    /// The owner's address; none at rest.
    pub host: Option<String>,
    /// The owner; none at rest.
    pub owner: Option<Incarnation>,
    /// Grows at each change of owner.
    pub epoch: Epoch,
    /// Who goes first.
    pub priority: Priority,
    /// What a final failure means for the others.
    pub failure_strategy: FailureStrategy,
    /// No processes: every task succeeds at once.
    pub dry_run: bool,
    /// The base of time parameters, if not the creation.
    pub scheduled_at: Option<Millis>,
    /// The user who started it.
    pub requested_by: String,
    /// When it was created.
    pub created_at: Millis,
    /// When it first started.
    pub started_at: Option<Millis>,
    /// When it last ended; none while not final.
    pub ended_at: Option<Millis>,
    /// Its tasks by shown state.
    pub tasks: TaskCounts,
}

/// Which instances are wanted; everything given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Only what this user may read.
    pub visible: Visible,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// One of these states; empty means any.
    pub states: Vec<InstanceState>,
    /// The owner's address.
    pub host: Option<String>,
}

/// What became of a delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone, with its tasks, attempts and history.
    Gone,
    /// It is not final, or has a verb to be decided; nothing was changed.
    InvalidState {
        /// The state it is in.
        state: InstanceState,
        /// Why it cannot be deleted, in words.
        detail: String,
    },
}

impl Catalog {
    /// Reads one instance; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn instance(&self, id: InstanceId) -> Result<Option<InstanceRow>, CatalogError> {
        self.later()
    }

    /// Lists instances, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn instances(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<InstanceRow>, CatalogError> {
        self.later()
    }

    /// Says in which project an instance is; the cheap look-up for the check of permissions.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn project_of(&self, id: InstanceId) -> Result<Option<ProjectId>, CatalogError> {
        self.later()
    }

    /// Deletes a final instance that has no owner and no verb to be decided, in one statement.
    ///
    /// # Errors
    /// `NotFound`: there is none of that id.
    pub async fn delete_instance(&self, id: InstanceId, request: &Request) -> Result<Deleted, CatalogError> {
        self.later()
    }
}
