//! What a start needs to know of its project and workflow.

use std::sync::Arc;

use engine::spec::Definition;
use ports::DefinitionStore as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, IntoCondition as _};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationTrait};

use crate::entity::{project, workflow};
use crate::error::CatalogError;
use crate::projects::Project;
use crate::workflow_edit::disabled_workflow;
use crate::workflows::{WorkflowId, Workflows, missing_workflow};

/// A workflow that a user wants to start. Whether it exists is shown only to users who may see its project.
#[derive(Debug, Clone, PartialEq)]
pub struct StartCandidate {
    /// The project, with its parameters.
    pub project: Project,
    workflow: String,
    newest: Option<NewestVersion>,
}

/// What of a workflow decides about its starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NewestVersion {
    workflow: WorkflowId,
    version: i64,
    enabled: bool,
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

/// A project beside the newest version of one of its workflows.
#[derive(FromQueryResult)]
struct CandidateRow {
    #[sea_orm(nested)]
    project: project::Model,
    workflow_id: Option<i64>,
    workflow_version: Option<i64>,
    workflow_enabled: Option<bool>,
}

impl CandidateRow {
    /// Returns the newest version; none when there is no such workflow.
    fn newest(&self) -> Option<NewestVersion> {
        Some(NewestVersion {
            workflow: WorkflowId(self.workflow_id?),
            version: self.workflow_version?,
            enabled: self.workflow_enabled?,
        })
    }
}

impl Workflows<'_> {
    /// Looks for a workflow to start, in one read; none when there is no such project.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_start_candidate(
        self,
        project: &str,
        name: &str,
    ) -> Result<Option<StartCandidate>, CatalogError> {
        let wanted = name.to_owned();
        let to_workflow = workflow::Relation::Project
            .def()
            .rev()
            .on_condition(move |_, workflow| {
                Expr::col((workflow.clone(), workflow::Column::Name))
                    .eq(wanted.clone())
                    .and(Expr::col((workflow, workflow::Column::DeletedAt)).is_null())
                    .into_condition()
            });
        let row = project::Entity::find()
            .join(JoinType::LeftJoin, to_workflow)
            .column_as(workflow::Column::Id, "workflow_id")
            .column_as(workflow::Column::Version, "workflow_version")
            .column_as(workflow::Column::Enabled, "workflow_enabled")
            .filter(project::Column::Name.eq(project))
            .filter(project::Column::DeletedAt.is_null())
            .into_model::<CandidateRow>()
            .one(self.store().reader())
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(StartCandidate {
            newest: row.newest(),
            project: Project::try_from(row.project)?,
            workflow: name.to_owned(),
        }))
    }

    /// Returns what a start needs, of the newest version or the given one; only a definition that is not in the cache
    /// is read.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow or version. `Conflict` with `WORKFLOW_DISABLED`.
    pub async fn start_target(
        self,
        candidate: StartCandidate,
        version: Option<i64>,
    ) -> Result<StartTarget, CatalogError> {
        let StartCandidate {
            project,
            workflow,
            newest,
        } = candidate;
        let newest = newest.ok_or_else(|| missing_workflow(&workflow))?;
        let version = version.unwrap_or(newest.version);
        // Versions have no gaps.
        if !(1..=newest.version).contains(&version) {
            let what = format!("version {version} of workflow `{workflow}`");
            return Err(CatalogError::not_found(what));
        }
        if !newest.enabled {
            return Err(disabled_workflow(&workflow));
        }
        Ok(StartTarget {
            project,
            workflow_id: newest.workflow,
            version,
            definition: self.store().load_definition(newest.workflow.0, version).await?,
        })
    }
}
