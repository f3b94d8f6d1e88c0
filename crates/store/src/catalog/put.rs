//! A put stores a document as the newest version of its workflow.

use std::sync::Arc;

use engine::ids::Timestamp;
use engine::spec::Definition;
use sea_orm::{ConnectionTrait, QueryResult};
use serde_json::Value;

use super::audit::AuditEntry;
use super::workflows::missing;
use super::{Catalog, CatalogError, Format, ProjectId, Request, WorkflowId, sql};

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
}

/// The newest version of a workflow; version 0 while the first is being stored.
pub(super) struct Newest {
    pub(super) id: WorkflowId,
    pub(super) version: i64,
    hash: Option<String>,
}

/// Makes sure that the workflow's row exists; a concurrent first put waits here for the other.
async fn take_name<C: ConnectionTrait>(
    on: &C,
    project: ProjectId,
    name: &str,
    at: Timestamp,
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

/// Reads the newest version of a workflow; none when there is no workflow of this name.
pub(super) async fn newest<C: ConnectionTrait>(
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
