//! Workflows and their versions; a version never changes once it is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::ids::Timestamp;
use engine::spec::Definition;
use serde_json::Value;

use sea_orm::QueryResult;

use super::audit::AuditEntry;
use super::put::newest;
use super::{Catalog, CatalogError, Page, PageRequest, Project, ProjectId, Request, projects, sql};

const SUMMARY: &str = "id, name, version, description, labels, tasks, created_at, updated_at";

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

impl Format {
    /// Returns the stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    fn from_column(format: &str) -> Self {
        if format == Self::Yaml.as_str() {
            Self::Yaml
        } else {
            Self::Json
        }
    }
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
    pub created_at: Timestamp,
    /// When the newest version was stored.
    pub updated_at: Timestamp,
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
    pub created_at: Timestamp,
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
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// A workflow that may be started. Whether it exists is told only to those who may see its project.
#[derive(Debug, Clone, PartialEq)]
pub struct Startable {
    /// The project, with its parameters.
    pub project: Project,
    workflow: String,
    newest: Option<(WorkflowId, i64)>,
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
    /// Lists the workflows of a project by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn workflows(
        &self,
        project: ProjectId,
        page: &PageRequest,
    ) -> Result<Page<WorkflowSummary>, CatalogError> {
        let after = page.after::<String>("workflows")?.unwrap_or_default();
        let rows = sql::all(
            self.reader(),
            format!(
                "SELECT {SUMMARY} FROM workflow WHERE project_id = $1 AND deleted_at IS NULL AND name > $2 \
                 ORDER BY name LIMIT $3"
            ),
            vec![project.0.into(), after.into(), page.rows().into()],
        )
        .await?;
        let items = rows.iter().map(summary_row).collect::<Result<_, _>>()?;
        Ok(Page::cut("workflows", page, items, |item: &WorkflowSummary| {
            item.name.clone()
        }))
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
        let row = sql::first(
            self.reader(),
            "SELECT w.id, w.name, v.version, v.model, v.source, v.source_format, v.hash, v.created_at, v.created_by \
             FROM workflow w JOIN workflow_version v ON v.workflow_id = w.id \
             WHERE w.project_id = $1 AND w.name = $2 AND w.deleted_at IS NULL \
             AND v.version = CASE WHEN $3 = 0 THEN w.version ELSE $3 END",
            vec![project.0.into(), name.into(), wanted(version).into()],
        )
        .await?;
        row.as_ref().map(version_row).transpose()
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
        let before = page.after::<i64>("versions")?.unwrap_or(i64::MAX);
        let workflow = newest(self.reader(), project, name, "")
            .await?
            .ok_or_else(|| missing(name))?;
        let rows = sql::all(
            self.reader(),
            "SELECT version, hash, created_at, created_by FROM workflow_version \
             WHERE workflow_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
            vec![workflow.id.0.into(), before.into(), page.rows().into()],
        )
        .await?;
        let summary = |row| {
            Ok(VersionSummary {
                version: sql::get(row, "version")?,
                hash: sql::get(row, "hash")?,
                created_at: Timestamp(sql::get(row, "created_at")?),
                created_by: sql::get(row, "created_by")?,
            })
        };
        let items = rows.iter().map(summary).collect::<Result<_, CatalogError>>()?;
        Ok(Page::cut("versions", page, items, |item: &VersionSummary| {
            item.version.to_string()
        }))
    }

    /// Deletes a workflow without open instances; its ended instances can still be read.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `WORKFLOW_HAS_OPEN_INSTANCES`.
    pub async fn delete_workflow(
        &self,
        project: ProjectId,
        name: &str,
        request: &Request,
    ) -> Result<(), CatalogError> {
        let change = self.change(request).await?;
        let lock = sql::lock(&change.tx, " FOR UPDATE");
        let newest = newest(&change.tx, project, name, lock)
            .await?
            .ok_or_else(|| missing(name))?;
        let open = sql::first(
            &change.tx,
            "SELECT id FROM instance WHERE workflow_id = $1 AND state NOT IN ('stopped', 'failed', 'succeeded') \
             ORDER BY id LIMIT 1",
            vec![newest.id.0.into()],
        )
        .await?;
        if let Some(row) = open {
            let instance: i64 = sql::get(&row, "id")?;
            return Err(CatalogError::Conflict {
                code: "WORKFLOW_HAS_OPEN_INSTANCES",
                detail: format!("the workflow has open instances, such as {instance}; stop them first"),
            });
        }
        sql::run(
            &change.tx,
            "UPDATE workflow SET deleted_at = $2 WHERE id = $1",
            vec![newest.id.0.into(), request.at.0.into()],
        )
        .await?;
        let entry =
            AuditEntry::done("workflow.delete", "workflow", &newest.id.0.to_string()).with_detail(name);
        change.commit_with(&entry).await
    }

    /// Looks for a workflow to start, in one read; none when there is no such project.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn startable(&self, project: &str, workflow: &str) -> Result<Option<Startable>, CatalogError> {
        let row = sql::first(
            self.reader(),
            "SELECT p.id, p.name, p.description, p.params, p.created_at, p.updated_at, \
             w.id AS workflow_id, w.version FROM project p \
             LEFT JOIN workflow w ON w.project_id = p.id AND w.name = $2 AND w.deleted_at IS NULL \
             WHERE p.name = $1 AND p.deleted_at IS NULL",
            vec![project.into(), workflow.into()],
        )
        .await?;
        let Some(row) = row else { return Ok(None) };
        let id: Option<i64> = sql::get(&row, "workflow_id")?;
        let version: Option<i64> = sql::get(&row, "version")?;
        Ok(Some(Startable {
            project: projects::project_row(&row)?,
            workflow: workflow.to_owned(),
            newest: id.map(WorkflowId).zip(version),
        }))
    }

    /// Reads what a start needs, of the newest version or the given one.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow or version.
    pub async fn start_target(
        &self,
        startable: Startable,
        version: Option<i64>,
    ) -> Result<StartTarget, CatalogError> {
        let Startable {
            project,
            workflow,
            newest,
        } = startable;
        let (workflow_id, newest) = newest.ok_or_else(|| missing(&workflow))?;
        let version = version.unwrap_or(newest);
        // Versions have no gaps.
        if !(1..=newest).contains(&version) {
            return Err(CatalogError::NotFound {
                what: format!("version {version} of workflow `{workflow}`"),
            });
        }
        Ok(StartTarget {
            project,
            workflow_id,
            version,
            definition: self.store.load_definition(workflow_id.0, version).await?,
        })
    }
}

/// Says that there is no workflow of this name.
pub(super) fn missing(name: &str) -> CatalogError {
    CatalogError::NotFound {
        what: format!("workflow `{name}`"),
    }
}

/// Stored versions begin at 1, so 0 stands for the newest.
fn wanted(version: Option<i64>) -> i64 {
    version.map_or(0, |version| if version == 0 { -1 } else { version })
}

fn summary_row(row: &QueryResult) -> Result<WorkflowSummary, CatalogError> {
    Ok(WorkflowSummary {
        id: WorkflowId(sql::get(row, "id")?),
        name: sql::get(row, "name")?,
        version: sql::get(row, "version")?,
        description: sql::get(row, "description")?,
        labels: sql::json(row, "labels")?,
        tasks: sql::count(row, "tasks")?,
        created_at: Timestamp(sql::get(row, "created_at")?),
        updated_at: Timestamp(sql::get(row, "updated_at")?),
    })
}

fn version_row(row: &QueryResult) -> Result<WorkflowVersion, CatalogError> {
    let format: String = sql::get(row, "source_format")?;
    Ok(WorkflowVersion {
        id: WorkflowId(sql::get(row, "id")?),
        name: sql::get(row, "name")?,
        version: sql::get(row, "version")?,
        model: sql::json(row, "model")?,
        source: sql::get(row, "source")?,
        format: Format::from_column(&format),
        hash: sql::get(row, "hash")?,
        created_at: Timestamp(sql::get(row, "created_at")?),
        created_by: sql::get(row, "created_by")?,
    })
}
