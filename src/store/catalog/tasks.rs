//! Tasks and attempts as readers see them.

use std::collections::BTreeMap;

use engine::ids::{AttemptNumber, InstanceId, Millis, Ordinal, Uid};
use engine::states::{AttemptState, TaskState};

use super::{Catalog, CatalogError, Page, PageRequest};

/// One task instance as it is shown, also when it never started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// Its place in the definition.
    pub ordinal: Ordinal,
    /// Its name.
    pub name: String,
    /// The name of its type.
    pub kind: &'static str,
    /// Its state.
    pub state: TaskState,
    /// Why it waits or rests, in words.
    pub reason: Option<String>,
    /// The highest attempt number.
    pub attempts: u32,
    /// The node name of the last attempt.
    pub worker: Option<String>,
    /// The start of the first attempt.
    pub started_at: Option<Millis>,
    /// The end of the last attempt.
    pub ended_at: Option<Millis>,
    /// What it set.
    pub outputs: BTreeMap<String, String>,
}

/// One attempt as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// From 1.
    pub number: AttemptNumber,
    /// Its binding; none while it has no worker.
    pub uid: Option<Uid>,
    /// Its state.
    pub state: AttemptState,
    /// The node name of its worker.
    pub worker: Option<String>,
    /// The process id on that worker.
    pub pid: Option<i64>,
    /// Exit code, or HTTP status.
    pub exit_code: Option<i32>,
    /// Why it did not succeed, in words.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When its process started.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

/// A task with its attempts, first to last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDetail {
    /// The task.
    pub task: TaskRow,
    /// Its attempts.
    pub attempts: Vec<AttemptRow>,
}

impl Catalog {
    /// Lists the tasks of an instance in the order of the definition.
    ///
    /// # Errors
    /// `NotFound`: there is no such instance. `Rejected`: the cursor is none of ours.
    pub async fn tasks(&self, id: InstanceId, page: &PageRequest) -> Result<Page<TaskRow>, CatalogError> {
        self.later()
    }

    /// Reads one task with its attempts.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn task(&self, id: InstanceId, name: &str) -> Result<TaskDetail, CatalogError> {
        self.later()
    }
}
