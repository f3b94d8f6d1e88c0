//! Workflows and their versions; a version never changes once it is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::definition::Definition;
use engine::ids::Millis;
use serde_json::Value;

use super::{Catalog, CatalogError, Page, PageRequest, Project, ProjectId, Request};

/// The row of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkflowId(pub i64);

/// How a document was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// A validated document to be stored as the newest version.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    /// The workflow's name.
    pub name: String,
    /// What the document means.
    pub definition: Arc<Definition>,
    /// The canonical model, as JSON.
    pub model: Value,
    /// The text as it was sent.
    pub source: String,
    /// How the text is written.
    pub format: Format,
    /// SHA-256 of the canonical model in hex; the same hash means unchanged.
    pub hash: String,
}

/// What the caller believes to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: the workflow exists.
    Exists,
    /// The newest version is this one.
    Version(i64),
}

/// What a put did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The workflow is new.
    Created,
    /// There is a new version.
    Changed,
    /// The newest version has the same model; nothing was stored.
    Unchanged,
}

/// The answer to a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    /// The newest version now (for a check: the one that a put would make).
    pub version: i64,
    /// What was done (for a check: would be).
    pub outcome: PutOutcome,
}

/// A workflow in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowSummary {
    /// Its row.
    pub id: WorkflowId,
    /// Unique in the project.
    pub name: String,
    /// The newest version.
    pub version: i64,
    /// For people; of the newest version.
    pub description: String,
    /// For people and filters; of the newest version.
    pub labels: BTreeMap<String, String>,
    /// The number of tasks of the newest version.
    pub tasks: u32,
    /// When the first version was stored.
    pub created_at: Millis,
    /// When the newest version was stored.
    pub updated_at: Millis,
}

/// One version of a workflow, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowVersion {
    /// The workflow's row.
    pub id: WorkflowId,
    /// The workflow's name.
    pub name: String,
    /// Which version.
    pub version: i64,
    /// The canonical model, as JSON.
    pub model: Value,
    /// The text as it was sent.
    pub source: String,
    /// How the text is written.
    pub format: Format,
    /// SHA-256 of the canonical model, in hex.
    pub hash: String,
    /// When it was stored.
    pub created_at: Millis,
    /// By whom.
    pub created_by: String,
}

/// One version of a workflow in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSummary {
    /// Which version.
    pub version: i64,
    /// SHA-256 of the canonical model, in hex.
    pub hash: String,
    /// When it was stored.
    pub created_at: Millis,
    /// By whom.
    pub created_by: String,
}

/// Everything that a start needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct StartTarget {
    /// The project, with its parameters.
    pub project: Project,
    /// The workflow's row.
    pub workflow_id: WorkflowId,
    /// The version that is started.
    pub version: i64,
    /// What that version means; cached, since it never changes.
    pub definition: Arc<Definition>,
}

impl Catalog {
    /// Stores a document as the newest version, unless its model is the newest already.
    ///
    /// Concurrent puts of one workflow are ordered: each gets its own version, or `Unchanged`.
    ///
    /// # Errors
    /// `Conflict` with `PRECONDITION_FAILED`: `if_match` does not hold; read again.
    pub async fn put_workflow(
        &self,
        project: ProjectId,
        new: &NewVersion,
        if_match: Option<IfMatch>,
        request: &Request,
    ) -> Result<Put, CatalogError> {
        self.later()
    }

    /// Says what a put would do, and stores nothing.
    ///
    /// # Errors
    /// Like `put_workflow`.
    pub async fn check_put(
        &self,
        project: ProjectId,
        new: &NewVersion,
        if_match: Option<IfMatch>,
    ) -> Result<Put, CatalogError> {
        self.later()
    }

    /// Lists the workflows of a project by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn workflows(
        &self,
        project: ProjectId,
        page: &PageRequest,
    ) -> Result<Page<WorkflowSummary>, CatalogError> {
        self.later()
    }

    /// Reads one version, or the newest; none when the workflow or that version does not exist.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn workflow(
        &self,
        project: ProjectId,
        name: &str,
        version: Option<i64>,
    ) -> Result<Option<WorkflowVersion>, CatalogError> {
        self.later()
    }

    /// Lists the versions of a workflow, newest first.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow. `Rejected`: the cursor is none of ours.
    pub async fn versions(
        &self,
        project: ProjectId,
        name: &str,
        page: &PageRequest,
    ) -> Result<Page<VersionSummary>, CatalogError> {
        self.later()
    }

    /// Deletes a workflow without open instances, with its versions and its ended instances.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `WORKFLOW_HAS_OPEN_INSTANCES`.
    pub async fn delete_workflow(
        &self,
        project: ProjectId,
        name: &str,
        request: &Request,
    ) -> Result<(), CatalogError> {
        self.later()
    }

    /// Reads what a start needs, of the newest version or the given one.
    ///
    /// # Errors
    /// `NotFound`: says which of project, workflow and version does not exist.
    pub async fn workflow_for_start(
        &self,
        project: &str,
        workflow: &str,
        version: Option<i64>,
    ) -> Result<StartTarget, CatalogError> {
        self.later()
    }
}
