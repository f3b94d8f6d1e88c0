//! The stored documents of a project, in the order of their names.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
};

use crate::entity::{workflow, workflow_version};
use crate::error::CatalogError;
use crate::projects::ProjectId;
use crate::workflows::{SourceFormat, Workflows, missing_workflow};

/// The newest document of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowSource {
    /// The workflow's name.
    pub name: String,
    /// The text as it was sent.
    pub source: String,
    /// How the text is written.
    pub format: SourceFormat,
}

/// Which documents of a project are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSelection {
    /// Those of every workflow.
    All,
    /// Those of these workflows.
    Named(Vec<String>),
}

#[derive(FromQueryResult)]
struct SourceRow {
    name: String,
    source: String,
    source_format: String,
}

impl Workflows<'_> {
    /// Checks that every named workflow exists.
    ///
    /// # Errors
    /// `NotFound`: names the first one that does not.
    pub async fn check_sources(
        self,
        project: ProjectId,
        selection: &SourceSelection,
    ) -> Result<(), CatalogError> {
        let SourceSelection::Named(names) = selection else {
            return Ok(());
        };
        let known: Vec<String> = workflow::Entity::find()
            .select_only()
            .column(workflow::Column::Name)
            .filter(workflow::Column::ProjectId.eq(project.0))
            .filter(workflow::Column::DeletedAt.is_null())
            .filter(workflow::Column::Name.is_in(names))
            .into_tuple()
            .all(self.store().reader())
            .await?;
        match names.iter().find(|name| !known.contains(name)) {
            Some(missing) => Err(missing_workflow(missing)),
            None => Ok(()),
        }
    }

    /// Reads the newest documents after a name, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list_sources(
        self,
        project: ProjectId,
        selection: &SourceSelection,
        after: &str,
        limit: u64,
    ) -> Result<Vec<WorkflowSource>, CatalogError> {
        let newest = Expr::col((workflow_version::Entity, workflow_version::Column::Version))
            .equals((workflow::Entity, workflow::Column::Version));
        let mut query = workflow_version::Entity::find()
            .select_only()
            .column(workflow::Column::Name)
            .columns([
                workflow_version::Column::Source,
                workflow_version::Column::SourceFormat,
            ])
            .join(
                sea_orm::JoinType::InnerJoin,
                workflow_version::Relation::Workflow.def(),
            )
            .filter(newest)
            .filter(workflow::Column::ProjectId.eq(project.0))
            .filter(workflow::Column::DeletedAt.is_null())
            .filter(workflow::Column::Name.gt(after));
        if let SourceSelection::Named(names) = selection {
            query = query.filter(workflow::Column::Name.is_in(names));
        }
        let rows = query
            .order_by_asc(workflow::Column::Name)
            .limit(limit)
            .into_model::<SourceRow>()
            .all(self.store().reader())
            .await?;
        let sources = rows.into_iter().map(|row| WorkflowSource {
            name: row.name,
            source: row.source,
            format: SourceFormat::from_column(&row.source_format),
        });
        Ok(sources.collect())
    }
}
