//! Backfills.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `backfill`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub project_id: i64,
    pub workflow_id: i64,
    pub version: i64,
    pub choices: String,
    pub start: String,
    pub control: String,
    pub parallelism: i64,
    pub on_failure: String,
    pub existing: String,
    pub reason: Option<String>,
    pub settled: bool,
    pub revision: i64,
    pub requested_by: String,
    pub created_at: i64,
}

/// The foreign keys of `backfill`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::project::Entity",
        from = "Column::ProjectId",
        to = "super::project::Column::Id"
    )]
    Project,
    #[sea_orm(
        belongs_to = "super::workflow::Entity",
        from = "Column::WorkflowId",
        to = "super::workflow::Column::Id"
    )]
    Workflow,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `backfill`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "backfill_unsettled", [Column::Id])
            .and_where(Expr::cust("NOT settled"))
            .take(),
        index_on(Entity, "backfill_project", [Column::ProjectId, Column::Id]),
        index_on(Entity, "backfill_workflow", [Column::WorkflowId, Column::Id]),
    ]
}
