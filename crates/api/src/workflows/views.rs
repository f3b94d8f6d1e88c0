//! Workflows with their versions in answers.

use std::collections::BTreeMap;

use catalog::{SaveOutcome, SavedVersion, VersionSummary, WorkflowRun, WorkflowSummary, WorkflowVersion};
use engine::ids::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// The result of a put.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PutResult {
    project: String,
    name: String,
    /// The newest version.
    version: i64,
    /// False: the newest version was the same already.
    changed: bool,
}

impl PutResult {
    pub(crate) fn new(project: &str, name: String, put: &SavedVersion) -> Self {
        Self {
            project: project.to_owned(),
            name,
            version: put.version,
            changed: put.outcome != SaveOutcome::Unchanged,
        }
    }
}

/// A workflow in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkflowItem {
    name: String,
    /// The newest version.
    version: i64,
    description: String,
    labels: BTreeMap<String, String>,
    /// The number of tasks.
    tasks: u32,
    /// False: nothing new is started.
    enabled: bool,
    created_at: String,
    updated_at: String,
    /// When a schedule of it fires next, without its jitter; null when none will.
    next_fire_at: Option<String>,
    /// The newest instances, newest first, when the request asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<Vec<RunItem>>,
}

/// An instance in a list of workflows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkflowRun)]
pub(crate) struct RunItem {
    id: String,
    state: String,
    started_at: Option<String>,
    ended_at: Option<String>,
}

impl From<WorkflowRun> for RunItem {
    fn from(run: WorkflowRun) -> Self {
        Self {
            id: run.id.to_string(),
            state: run.state.to_string(),
            started_at: run.started_at.map(format_time),
            ended_at: run.ended_at.map(format_time),
        }
    }
}

impl WorkflowItem {
    pub(crate) fn new(
        row: WorkflowSummary,
        next_fire_at: Option<Timestamp>,
        runs: Option<Vec<WorkflowRun>>,
    ) -> Self {
        Self {
            name: row.name,
            version: row.version,
            description: row.description,
            labels: row.labels,
            tasks: row.tasks,
            enabled: row.enabled,
            created_at: format_time(row.created_at),
            updated_at: format_time(row.updated_at),
            next_fire_at: next_fire_at.map(format_time),
            runs: runs.map(|runs| runs.into_iter().map(RunItem::from).collect()),
        }
    }
}

/// A workflow document. The description of the interface replaces this schema by the JSON Schema of documents.
#[derive(ToSchema)]
pub(crate) struct WorkflowDocument {}

/// One version of a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkflowView {
    project: String,
    name: String,
    /// False: nothing new of the workflow is started.
    enabled: bool,
    version: i64,
    /// The document as the canonical model.
    #[schema(value_type = WorkflowDocument)]
    document: Value,
    created_at: String,
    created_by: String,
}

impl WorkflowView {
    pub(crate) fn new(project: &str, found: WorkflowVersion) -> Self {
        Self {
            project: project.to_owned(),
            name: found.name,
            enabled: found.enabled,
            version: found.version,
            document: found.model,
            created_at: format_time(found.created_at),
            created_by: found.created_by,
        }
    }
}

/// One version of a workflow in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionItem {
    version: i64,
    /// SHA-256 of the canonical model.
    hash: String,
    created_at: String,
    created_by: String,
}

impl From<VersionSummary> for VersionItem {
    fn from(row: VersionSummary) -> Self {
        Self {
            version: row.version,
            hash: row.hash,
            created_at: format_time(row.created_at),
            created_by: row.created_by,
        }
    }
}
