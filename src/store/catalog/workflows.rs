//! Workflows and their versions; a version never changes once it is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::definition::Definition;
use engine::ids::Millis;
use serde_json::Value;

use sea_orm::{ConnectionTrait, QueryResult};

use super::audit::AuditEntry;
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
        let change = self.change(request).await?;
        let id = take_name(&change.tx, project, &new.name, request.at).await?;
        let newest = newest(
            &change.tx,
            project,
            &new.name,
            sql::lock(&change.tx, " FOR UPDATE"),
        )
        .await?;
        let put = decide(newest.as_ref(), new, if_match)?;
        if put.outcome == PutOutcome::Unchanged {
            return Ok(put);
        }
        store_version(&change.tx, id, new, put.version, request).await?;
        let resource = format!("{}@{}", id.0, put.version);
        let entry = AuditEntry::done("workflow.put", "workflow", &resource)
            .with_detail(format!("{} {}", new.name, new.hash));
        change.commit_with(&entry).await?;
        Ok(put)
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
        decide(
            newest(self.reader(), project, &new.name, "").await?.as_ref(),
            new,
            if_match,
        )
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
                created_at: Millis(sql::get(row, "created_at")?),
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
        let project_found = self
            .project(project)
            .await?
            .ok_or_else(|| projects::missing(project))?;
        let newest = newest(self.reader(), project_found.id, workflow, "").await?;
        let newest = newest.ok_or_else(|| missing(workflow))?;
        let version = version.unwrap_or(newest.version);
        let exists = sql::first(
            self.reader(),
            "SELECT 1 AS one FROM workflow_version WHERE workflow_id = $1 AND version = $2",
            vec![newest.id.0.into(), version.into()],
        )
        .await?;
        if exists.is_none() {
            return Err(CatalogError::NotFound {
                what: format!("version {version} of workflow `{workflow}`"),
            });
        }
        Ok(StartTarget {
            project: project_found,
            workflow_id: newest.id,
            version,
            definition: self.store.pinned_definition(newest.id.0, version).await?,
        })
    }
}

/// The newest version of a workflow; version 0 while the first is being stored.
struct Newest {
    id: WorkflowId,
    version: i64,
    hash: Option<String>,
}

/// Says that there is no workflow of this name.
fn missing(name: &str) -> CatalogError {
    CatalogError::NotFound {
        what: format!("workflow `{name}`"),
    }
}

/// Stored versions begin at 1, so 0 stands for the newest.
fn wanted(version: Option<i64>) -> i64 {
    version.map_or(0, |version| if version == 0 { -1 } else { version })
}

/// Makes sure that the workflow's row exists; a concurrent first put waits here for the other.
async fn take_name<C: ConnectionTrait>(
    on: &C,
    project: ProjectId,
    name: &str,
    at: Millis,
) -> Result<WorkflowId, CatalogError> {
    let lock = sql::lock(on, " FOR SHARE");
    let alive = format!("SELECT id FROM project WHERE id = $1 AND deleted_at IS NULL{lock}");
    if sql::first(on, alive, vec![project.0.into()]).await?.is_none() {
        return Err(CatalogError::NotFound {
            what: "project of the workflow".into(),
        });
    }
    sql::run(
        on,
        "INSERT INTO workflow (project_id, name, version, created_at, updated_at) VALUES ($1, $2, 0, $3, $3) \
         ON CONFLICT (project_id, name) WHERE deleted_at IS NULL DO NOTHING",
        vec![project.0.into(), name.into(), at.0.into()],
    )
    .await?;
    newest(on, project, name, "")
        .await?
        .map(|newest| newest.id)
        .ok_or_else(|| missing(name))
}

async fn newest<C: ConnectionTrait>(
    on: &C,
    project: ProjectId,
    name: &str,
    lock: &str,
) -> Result<Option<Newest>, CatalogError> {
    let row = sql::first(
        on,
        format!(
            "SELECT id, version, (SELECT hash FROM workflow_version v \
             WHERE v.workflow_id = workflow.id AND v.version = workflow.version) AS hash \
             FROM workflow WHERE project_id = $1 AND name = $2 AND deleted_at IS NULL{lock}"
        ),
        vec![project.0.into(), name.into()],
    )
    .await?;
    let newest = |row: &QueryResult| {
        Ok(Newest {
            id: WorkflowId(sql::get(row, "id")?),
            version: sql::get(row, "version")?,
            hash: sql::get(row, "hash")?,
        })
    };
    row.as_ref().map(newest).transpose()
}

/// Says what a put makes of the newest version.
fn decide(newest: Option<&Newest>, new: &NewVersion, if_match: Option<IfMatch>) -> Result<Put, CatalogError> {
    let stored = newest.filter(|newest| newest.version > 0);
    let version = stored.map_or(0, |newest| newest.version);
    let fits = match if_match {
        None => true,
        Some(IfMatch::Exists) => version > 0,
        Some(IfMatch::Version(expected)) => version == expected,
    };
    if !fits {
        return Err(CatalogError::Conflict {
            code: "PRECONDITION_FAILED",
            detail: match stored {
                Some(newest) => format!("the newest version is {}", newest.version),
                None => "the workflow does not exist".to_owned(),
            },
        });
    }
    let outcome = match stored {
        None => PutOutcome::Created,
        Some(newest) if newest.hash.as_ref() == Some(&new.hash) => {
            return Ok(Put {
                version,
                outcome: PutOutcome::Unchanged,
            });
        }
        Some(_) => PutOutcome::Changed,
    };
    Ok(Put {
        version: version + 1,
        outcome,
    })
}

async fn store_version<C: ConnectionTrait>(
    on: &C,
    id: WorkflowId,
    new: &NewVersion,
    version: i64,
    request: &Request,
) -> Result<(), CatalogError> {
    sql::run(
        on,
        "INSERT INTO workflow_version \
         (workflow_id, version, source, source_format, model, hash, created_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        vec![
            id.0.into(),
            version.into(),
            new.source.clone().into(),
            new.format.as_str().into(),
            new.model.to_string().into(),
            new.hash.clone().into(),
            request.at.0.into(),
            request.user.clone().into(),
        ],
    )
    .await?;
    let tasks = i64::try_from(new.definition.tasks.len()).unwrap_or(i64::MAX);
    sql::run(
        on,
        "UPDATE workflow SET version = $2, description = $3, labels = $4, tasks = $5, updated_at = $6 WHERE id = $1",
        vec![
            id.0.into(),
            version.into(),
            new.definition.description.clone().into(),
            sql::text(&new.definition.labels).into(),
            tasks.into(),
            request.at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

fn summary_row(row: &QueryResult) -> Result<WorkflowSummary, CatalogError> {
    Ok(WorkflowSummary {
        id: WorkflowId(sql::get(row, "id")?),
        name: sql::get(row, "name")?,
        version: sql::get(row, "version")?,
        description: sql::get(row, "description")?,
        labels: sql::json(row, "labels")?,
        tasks: sql::count(row, "tasks")?,
        created_at: Millis(sql::get(row, "created_at")?),
        updated_at: Millis(sql::get(row, "updated_at")?),
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
        created_at: Millis(sql::get(row, "created_at")?),
        created_by: sql::get(row, "created_by")?,
    })
}
