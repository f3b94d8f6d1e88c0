//! The versions of workflows.

use sea_orm::entity::prelude::*;

/// A row of `workflow_version`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workflow_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub source: String,
    pub source_format: String,
    pub model: String,
    pub hash: String,
    pub created_at: i64,
    pub created_by: String,
}

/// The foreign keys of `workflow_version`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::workflow::Entity",
        from = "Column::WorkflowId",
        to = "super::workflow::Column::Id"
    )]
    Workflow,
}

impl Related<super::workflow::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Workflow.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
