//! Storing a document as the newest version of its workflow.

use std::sync::Arc;

use engine::alert::RuleSource;
use engine::ids::Timestamp;
use engine::spec::{ConcurrencyRule, Definition};
use engine::timezone::Tz;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::{Expr, ExprTrait as _, LockType, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use store::{RulePlace, RuledWorkflow, Transaction, change_concurrency, replace_alert_rules};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::{map_to_json, parse_json};
use crate::connections::references::store_connection_references;
use crate::context::AuditContext;
use crate::entity::{project, workflow, workflow_version};
use crate::error::CatalogError;
use crate::limits::references::store_limit_references;
use crate::project_secrets::references::store_secret_references;
use crate::projects::ProjectId;
use crate::schedules::document::{DescribedSchedules, InitialSchedules, store_document_schedules};
use crate::workflows::references::store_references;
use crate::workflows::{SourceFormat, Workflows, missing_workflow, select_by_name};

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
    pub format: SourceFormat,
    /// SHA-256 of the canonical model in hex; the same hash means unchanged.
    pub hash: String,
    /// The zone of a document that names none.
    pub default_timezone: Tz,
    /// Where it comes from.
    pub origin: VersionOrigin,
}

/// The request that a new version comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionOrigin {
    /// A document was sent.
    Document,
    /// An earlier version was restored.
    Restored,
    /// Another workflow was copied.
    Copied,
}

impl VersionOrigin {
    /// Returns the action in the audit log.
    fn action(self) -> &'static str {
        match self {
            Self::Document => "workflow.put",
            Self::Restored => "workflow.restore",
            Self::Copied => "workflow.copy",
        }
    }

    /// Returns whether its schedules fire at once: those of a copy would repeat the original's.
    fn initial_schedules(self) -> InitialSchedules {
        match self {
            Self::Document | Self::Restored => InitialSchedules::AsDescribed,
            Self::Copied => InitialSchedules::Paused,
        }
    }
}

/// What the caller believes to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: the workflow exists.
    Exists,
    /// The newest version is this one.
    Version(i64),
    /// The workflow does not exist.
    Absent,
}

/// What saving a document did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveOutcome {
    /// The workflow is new.
    Created,
    /// There is a new version.
    Changed,
    /// The newest version has the same model; nothing was stored.
    Unchanged,
}

/// The newest version after a document was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedVersion {
    /// The newest version now (for a check: the one that saving would make).
    pub version: i64,
    /// What was done (for a check: would be).
    pub outcome: SaveOutcome,
}

/// The newest version of a workflow; version 0, without a hash, while the first is being stored.
struct Newest {
    workflow: i64,
    version: i64,
    hash: Option<String>,
}

impl Workflows<'_> {
    /// Stores a document as the newest version, unless its model is the newest already.
    ///
    /// Concurrent saves of one workflow are ordered: each gets its own version, or `Unchanged`.
    ///
    /// # Errors
    /// `Conflict` with `PRECONDITION_FAILED`, or `WORKFLOW_EXISTS` for `IfMatch::Absent`: `if_match` does not hold.
    pub async fn save_version(
        self,
        project: ProjectId,
        new: &NewVersion,
        if_match: Option<IfMatch>,
        context: &AuditContext,
    ) -> Result<SavedVersion, CatalogError> {
        let change = AuditedTransaction::begin(self.store(), context).await?;
        reserve_name(change.on(), project, &new.name, context.at).await?;
        let row = select_by_name(project, &new.name)
            .lock(LockType::Update)
            .one(change.on())
            .await?
            .ok_or_else(|| missing_workflow(&new.name))?;
        let newest = with_hash(change.on(), row.clone()).await?;
        let saved = decide(Some(&newest), new, if_match)?;
        if saved.outcome == SaveOutcome::Unchanged {
            return Ok(saved);
        }
        store_version(change.on(), (newest.workflow, saved.version), new, context).await?;
        store_references(change.on(), &row, &new.definition).await?;
        self.store_rule(change.on(), &row, &new.definition).await?;
        let rules = RulePlace {
            source: RuleSource::Document,
            source_id: saved.version,
            project_id: row.project_id,
            workflow_id: row.id,
        };
        replace_alert_rules(change.on(), rules, &new.definition.notify, context.at).await?;
        let described = DescribedSchedules {
            definition: &new.definition,
            default_timezone: new.default_timezone,
            initial: new.origin.initial_schedules(),
        };
        store_document_schedules(change.on(), &row, described, context.at).await?;
        store_limit_references(change.on(), newest.workflow, &new.definition).await?;
        store_secret_references(change.on(), newest.workflow, &new.definition).await?;
        store_connection_references(change.on(), newest.workflow, &new.definition).await?;
        let resource = format!("{}@{}", newest.workflow, saved.version);
        let entry = AuditEntry::done(new.origin.action(), "workflow", &resource)
            .with_detail(format!("{} {}", new.name, new.hash));
        change.commit_with(&entry).await?;
        Ok(saved)
    }

    /// Stores the rule of a new version, which holds for every instance of the workflow.
    async fn store_rule(
        self,
        on: &Transaction,
        row: &workflow::Model,
        definition: &Definition,
    ) -> Result<(), CatalogError> {
        let rule = definition.concurrency.as_ref();
        let stored: Option<ConcurrencyRule> = row
            .concurrency
            .as_deref()
            .map(|text| parse_json("concurrency", text))
            .transpose()?;
        if stored.as_ref() == rule {
            return Ok(());
        }
        let workflow = RuledWorkflow {
            id: row.id,
            project_id: row.project_id,
        };
        change_concurrency(self.store(), on, workflow, rule).await?;
        Ok(())
    }

    /// Returns what saving a document would do, and stores nothing.
    ///
    /// # Errors
    /// Like `save_version`.
    pub async fn check_version(
        self,
        project: ProjectId,
        new: &NewVersion,
        if_match: Option<IfMatch>,
    ) -> Result<SavedVersion, CatalogError> {
        let reader = self.store().reader();
        let newest = match select_by_name(project, &new.name).one(reader).await? {
            Some(row) => Some(with_hash(reader, row).await?),
            None => None,
        };
        decide(newest.as_ref(), new, if_match)
    }
}

/// Makes sure that the workflow's row exists; a concurrent first save waits here for the other.
async fn reserve_name<C: ConnectionTrait>(
    on: &C,
    project: ProjectId,
    name: &str,
    at: Timestamp,
) -> Result<(), CatalogError> {
    project::Entity::find_by_id(project.0)
        .filter(project::Column::DeletedAt.is_null())
        .lock(LockType::Share)
        .one(on)
        .await?
        .ok_or_else(|| CatalogError::not_found("project of the workflow"))?;
    let row = workflow::ActiveModel {
        project_id: Set(project.0),
        name: Set(name.to_owned()),
        version: Set(0),
        created_at: Set(at.0),
        updated_at: Set(at.0),
        ..workflow::ActiveModel::default()
    };
    workflow::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([workflow::Column::ProjectId, workflow::Column::Name])
                .target_and_where(Expr::col(workflow::Column::DeletedAt).is_null())
                .do_nothing()
                .to_owned(),
        )
        .try_insert()
        .exec_without_returning(on)
        .await?;
    Ok(())
}

/// Reads the hash of the newest version of a workflow.
async fn with_hash<C: ConnectionTrait>(on: &C, row: workflow::Model) -> Result<Newest, CatalogError> {
    let hash = workflow_version::Entity::find_by_id((row.id, row.version))
        .select_only()
        .column(workflow_version::Column::Hash)
        .into_tuple()
        .one(on)
        .await?;
    Ok(Newest {
        workflow: row.id,
        version: row.version,
        hash,
    })
}

/// Decides what saving a document makes of the newest version.
fn decide(
    newest: Option<&Newest>,
    new: &NewVersion,
    if_match: Option<IfMatch>,
) -> Result<SavedVersion, CatalogError> {
    let stored = newest.filter(|newest| newest.version > 0);
    let version = stored.map_or(0, |newest| newest.version);
    if let Some(IfMatch::Absent) = if_match
        && stored.is_some()
    {
        let detail = format!("a workflow `{}` exists already", new.name);
        return Err(CatalogError::conflict("WORKFLOW_EXISTS", detail));
    }
    let is_match = match if_match {
        None | Some(IfMatch::Absent) => true,
        Some(IfMatch::Exists) => version > 0,
        Some(IfMatch::Version(expected)) => stored.is_some() && version == expected,
    };
    if !is_match {
        let detail = match stored {
            Some(newest) => format!("the newest version is {}", newest.version),
            None => "the workflow does not exist".to_owned(),
        };
        return Err(CatalogError::conflict("PRECONDITION_FAILED", detail));
    }
    let outcome = match stored {
        None => SaveOutcome::Created,
        Some(newest) if newest.hash.as_ref() == Some(&new.hash) => {
            return Ok(SavedVersion {
                version,
                outcome: SaveOutcome::Unchanged,
            });
        }
        Some(_) => SaveOutcome::Changed,
    };
    Ok(SavedVersion {
        version: version + 1,
        outcome,
    })
}

async fn store_version<C: ConnectionTrait>(
    on: &C,
    (workflow, version): (i64, i64),
    new: &NewVersion,
    context: &AuditContext,
) -> Result<(), CatalogError> {
    let row = workflow_version::ActiveModel {
        workflow_id: Set(workflow),
        version: Set(version),
        source: Set(new.source.clone()),
        source_format: Set(new.format.as_str().to_owned()),
        model: Set(new.model.to_string()),
        hash: Set(new.hash.clone()),
        created_at: Set(context.at.0),
        created_by: Set(context.user.clone()),
    };
    workflow_version::Entity::insert(row)
        .exec_without_returning(on)
        .await?;
    let row = workflow::ActiveModel {
        id: Unchanged(workflow),
        version: Set(version),
        description: Set(new.definition.description.clone()),
        labels: Set(map_to_json(&new.definition.labels)),
        tasks: Set(i64::try_from(new.definition.tasks.len()).unwrap_or(i64::MAX)),
        updated_at: Set(context.at.0),
        ..workflow::ActiveModel::default()
    };
    workflow::Entity::update(row).exec_without_returning(on).await?;
    Ok(())
}
