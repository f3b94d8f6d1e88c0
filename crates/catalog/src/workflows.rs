//! Workflows and their versions; a stored version never changes.

pub(crate) mod references;
mod runs;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::ids::Timestamp;
use engine::spec::Definition;
use engine::states::InstanceState;
use ports::DefinitionStore as _;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::{Expr, ExprTrait as _, LockType};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select};
use serde_json::Value;

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::backfills::state::find_open_backfill;
use crate::columns::{narrow, parse_json};
use crate::context::AuditContext;
use crate::entity::{instance, schedule, workflow, workflow_version};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::projects::ProjectId;
use store::Store;

pub use references::{WorkflowEdge, WorkflowName};
use references::{check_unnamed, delete_references};
pub use runs::WorkflowRun;
pub use sources::{SourceSelection, WorkflowSource};

/// The row of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkflowId(pub i64);

/// How a document was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFormat {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

impl SourceFormat {
    /// Returns the stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    pub(crate) fn from_column(format: &str) -> Self {
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
    /// Whether it may be started.
    pub enabled: bool,
    /// When the first version was stored.
    pub created_at: Timestamp,
    /// When the newest version was stored.
    pub updated_at: Timestamp,
}

impl TryFrom<workflow::Model> for WorkflowSummary {
    type Error = CatalogError;

    fn try_from(row: workflow::Model) -> Result<Self, CatalogError> {
        Ok(Self {
            id: WorkflowId(row.id),
            name: row.name,
            version: row.version,
            description: row.description,
            labels: parse_json("labels", &row.labels)?,
            tasks: narrow("tasks", row.tasks)?,
            enabled: row.enabled,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

/// One version of a workflow with its document.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowVersion {
    /// The workflow's row.
    pub id: WorkflowId,
    /// The workflow's name.
    pub name: String,
    /// Whether the workflow may be started.
    pub enabled: bool,
    /// Which version.
    pub version: i64,
    /// The canonical model, as JSON.
    pub model: Value,
    /// The text as it was sent.
    pub source: String,
    /// How the text is written.
    pub format: SourceFormat,
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

/// A version without its document.
#[derive(FromQueryResult)]
struct VersionRow {
    version: i64,
    hash: String,
    created_at: i64,
    created_by: String,
}

impl From<VersionRow> for VersionSummary {
    fn from(row: VersionRow) -> Self {
        Self {
            version: row.version,
            hash: row.hash,
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
        }
    }
}

/// What a version of a workflow means.
#[derive(Debug, Clone, PartialEq)]
pub struct PinnedDefinition {
    /// The workflow's row.
    pub workflow: WorkflowId,
    /// Its version.
    pub version: i64,
    /// The parsed document.
    pub definition: Arc<Definition>,
}

/// What a deletion does where documents of other workflows name the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependentsCheck {
    /// It is refused.
    Refuse,
    /// It deletes the workflow all the same.
    Ignore,
}

/// The workflows.
#[derive(Debug, Clone, Copy)]
pub struct Workflows<'a> {
    store: &'a Store,
}

impl<'a> Workflows<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// Lists the workflows of a project by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        project: ProjectId,
        page: &PageRequest,
    ) -> Result<Page<WorkflowSummary>, CatalogError> {
        let after = page.after::<String>("workflows")?.unwrap_or_default();
        let rows = workflow::Entity::find()
            .filter(workflow::Column::ProjectId.eq(project.0))
            .filter(workflow::Column::DeletedAt.is_null())
            .filter(workflow::Column::Name.gt(after))
            .order_by_asc(workflow::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows
            .into_iter()
            .map(WorkflowSummary::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::cut("workflows", page, items, |item: &WorkflowSummary| {
            item.name.clone()
        }))
    }

    /// Reads one version, or the newest; none when the workflow or that version does not exist.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(
        self,
        project: ProjectId,
        name: &str,
        version: Option<i64>,
    ) -> Result<Option<WorkflowVersion>, CatalogError> {
        let newest = Expr::col((workflow::Entity, workflow::Column::Version));
        let wanted = version.map_or(newest, Expr::value);
        let found = workflow_version::Entity::find()
            .find_also_related(workflow::Entity)
            .filter(workflow::Column::ProjectId.eq(project.0))
            .filter(workflow::Column::Name.eq(name))
            .filter(workflow::Column::DeletedAt.is_null())
            .filter(Expr::col((workflow_version::Entity, workflow_version::Column::Version)).eq(wanted))
            .one(self.store.reader())
            .await?;
        let Some((row, Some(workflow))) = found else {
            return Ok(None);
        };
        Ok(Some(WorkflowVersion {
            id: WorkflowId(workflow.id),
            name: workflow.name,
            enabled: workflow.enabled,
            version: row.version,
            model: parse_json("model", &row.model)?,
            source: row.source,
            format: SourceFormat::from_column(&row.source_format),
            hash: row.hash,
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
        }))
    }

    /// Finds what a version of a workflow means, the newest unless one is named.
    ///
    /// # Errors
    /// `NotFound`: says which of workflow and version does not exist.
    pub async fn find_definition(
        self,
        project: ProjectId,
        name: &str,
        version: Option<i64>,
    ) -> Result<PinnedDefinition, CatalogError> {
        let row = select_by_name(project, name)
            .one(self.store.reader())
            .await?
            .filter(|row| row.version > 0)
            .ok_or_else(|| missing_workflow(name))?;
        let version = version.unwrap_or(row.version);
        // Versions have no gaps.
        if !(1..=row.version).contains(&version) {
            let what = format!("version {version} of workflow `{name}`");
            return Err(CatalogError::not_found(what));
        }
        Ok(PinnedDefinition {
            workflow: WorkflowId(row.id),
            version,
            definition: self.store.load_definition(row.id, version).await?,
        })
    }

    /// Lists the versions of a workflow, newest first.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow. `Rejected`: the cursor is none of ours.
    pub async fn list_versions(
        self,
        project: ProjectId,
        name: &str,
        page: &PageRequest,
    ) -> Result<Page<VersionSummary>, CatalogError> {
        let before = page.after::<i64>("versions")?.unwrap_or(i64::MAX);
        let workflow = select_by_name(project, name)
            .one(self.store.reader())
            .await?
            .ok_or_else(|| missing_workflow(name))?;
        let rows = workflow_version::Entity::find()
            .select_only()
            .columns([
                workflow_version::Column::Version,
                workflow_version::Column::Hash,
                workflow_version::Column::CreatedAt,
                workflow_version::Column::CreatedBy,
            ])
            .filter(workflow_version::Column::WorkflowId.eq(workflow.id))
            .filter(workflow_version::Column::Version.lt(before))
            .order_by_desc(workflow_version::Column::Version)
            .limit(page.rows())
            .into_model::<VersionRow>()
            .all(self.store.reader())
            .await?;
        let items = rows.into_iter().map(VersionSummary::from).collect();
        Ok(Page::cut("versions", page, items, |item: &VersionSummary| {
            item.version.to_string()
        }))
    }

    /// Deletes a workflow without open instances, and its schedules; its ended instances can still be read.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `WORKFLOW_HAS_OPEN_INSTANCES`, or with `IN_USE` where documents of others name it.
    pub async fn delete(
        self,
        project: ProjectId,
        (name, check): (&str, DependentsCheck),
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let workflow = select_by_name(project, name)
            .lock(LockType::Update)
            .one(change.on())
            .await?
            .ok_or_else(|| missing_workflow(name))?;
        let final_states = InstanceState::ALL.iter().filter(|state| state.is_final());
        let open: Option<i64> = instance::Entity::find()
            .select_only()
            .column(instance::Column::Id)
            .filter(instance::Column::WorkflowId.eq(workflow.id))
            .filter(instance::Column::State.is_not_in(final_states.map(|state| state.as_str())))
            .order_by_asc(instance::Column::Id)
            .limit(1)
            .into_tuple()
            .one(change.on())
            .await?;
        if let Some(instance) = open {
            let detail = format!("the workflow has open instances, such as {instance}; stop them first");
            return Err(CatalogError::conflict("WORKFLOW_HAS_OPEN_INSTANCES", detail));
        }
        if let Some(backfill) = find_open_backfill(change.on(), workflow.id).await? {
            let detail = format!("backfill {backfill} of the workflow is running or paused; cancel it first");
            return Err(CatalogError::conflict("WORKFLOW_HAS_OPEN_INSTANCES", detail));
        }
        if check == DependentsCheck::Refuse {
            check_unnamed(change.on(), &workflow).await?;
        }
        delete_references(change.on(), workflow.id).await?;
        schedule::Entity::delete_many()
            .filter(schedule::Column::WorkflowId.eq(workflow.id))
            .exec(change.on())
            .await?;
        let row = workflow::ActiveModel {
            id: Unchanged(workflow.id),
            deleted_at: Set(Some(context.at.0)),
            ..workflow::ActiveModel::default()
        };
        workflow::Entity::update(row)
            .exec_without_returning(change.on())
            .await?;
        let entry =
            AuditEntry::done("workflow.delete", "workflow", &workflow.id.to_string()).with_detail(name);
        change.commit_with(&entry).await
    }
}

/// Selects the workflow of this name that is not deleted.
pub(crate) fn select_by_name(project: ProjectId, name: &str) -> Select<workflow::Entity> {
    workflow::Entity::find()
        .filter(workflow::Column::ProjectId.eq(project.0))
        .filter(workflow::Column::Name.eq(name))
        .filter(workflow::Column::DeletedAt.is_null())
}

/// Reports that there is no workflow of this name.
pub(crate) fn missing_workflow(name: &str) -> CatalogError {
    CatalogError::not_found(format!("workflow `{name}`"))
}
