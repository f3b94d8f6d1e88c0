//! The workflows that depend on the one of a backfill.

use engine::backfill::{Dependency, DependentIntervals};
use engine::spec::ReferenceKind;
use engine::timezone::Tz;
use ports::DefinitionStore as _;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
};

use crate::backfills::stored::Backfills;
use crate::entity::{project, workflow, workflow_reference};
use crate::error::CatalogError;
use crate::projects::ProjectId;
use crate::workflows::{WorkflowId, WorkflowName};

/// A workflow whose current version has a task that depends on the workflow of a backfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillDependent {
    /// The project's row.
    pub project_id: ProjectId,
    /// Its names.
    pub name: WorkflowName,
    /// The workflow's row.
    pub workflow_id: WorkflowId,
    /// The current version.
    pub version: i64,
    /// The task that runs, with everything downstream.
    pub task: String,
    /// When it runs.
    pub intervals: DependentIntervals,
    /// Why it does not run, in words.
    pub refusal: Option<String>,
}

#[derive(FromQueryResult)]
struct DependentRow {
    project_id: i64,
    project: String,
    id: i64,
    name: String,
    version: i64,
}

impl Backfills<'_> {
    /// Finds the workflows that depend on a workflow, by name; never itself. Days and hours are those of the clock of
    /// each, or of `zone`.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_dependents(
        self,
        of: &WorkflowName,
        zone: Tz,
    ) -> Result<Vec<BackfillDependent>, CatalogError> {
        let rows = workflow_reference::Entity::find()
            .join(JoinType::InnerJoin, workflow_reference::Relation::Workflow.def())
            .join(JoinType::InnerJoin, workflow::Relation::Project.def())
            .select_only()
            .columns([
                workflow::Column::ProjectId,
                workflow::Column::Id,
                workflow::Column::Name,
            ])
            .column(workflow::Column::Version)
            .column_as(project::Column::Name, "project")
            .filter(workflow::Column::DeletedAt.is_null())
            .filter(workflow_reference::Column::Kind.eq(ReferenceKind::Dependent.as_str()))
            .filter(workflow_reference::Column::ToProject.eq(&of.project))
            .filter(workflow_reference::Column::ToWorkflow.eq(&of.workflow))
            .distinct()
            .order_by_asc(project::Column::Name)
            .order_by_asc(workflow::Column::Name)
            .into_model::<DependentRow>()
            .all(self.store().reader())
            .await?;
        let mut dependents = Vec::with_capacity(rows.len());
        for row in rows {
            let definition = self.store().load_definition(row.id, row.version).await?;
            let name = WorkflowName {
                project: row.project,
                workflow: row.name,
            };
            let dependency = Dependency::find(&definition, &name.project, (&of.project, &of.workflow));
            let Some(dependency) = dependency.filter(|_| name != *of) else {
                continue;
            };
            dependents.push(BackfillDependent {
                project_id: ProjectId(row.project_id),
                workflow_id: WorkflowId(row.id),
                version: row.version,
                task: dependency.task,
                intervals: DependentIntervals {
                    cycle: dependency.cycle,
                    zone: definition.timezone.unwrap_or(zone),
                },
                name,
                refusal: None,
            });
        }
        Ok(dependents)
    }
}
