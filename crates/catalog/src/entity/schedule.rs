//! Schedules of workflows.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `schedule`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workflow_id: i64,
    pub name: String,
    /// As the document or the request described it; its `enabled` may differ from that of the row.
    pub definition: String,
    /// Its own zone, or the default when it was stored.
    pub timezone: String,
    pub calendar: Option<String>,
    pub enabled: bool,
    pub managed_by: String,
    pub revision: i64,
    /// The first fire that is not decided.
    pub next_fire_at: Option<i64>,
    /// When that fire has to be started.
    pub due_at: Option<i64>,
    /// The newest fire that is decided.
    pub decided_until: Option<i64>,
    pub last_fire_at: Option<i64>,
    pub last_instance: Option<i64>,
    pub attention: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// The foreign keys of `schedule`.
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

/// The indexes of `schedule`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "schedule_name", [Column::WorkflowId, Column::Name])
            .unique()
            .take(),
        index_on(Entity, "schedule_due", [Column::DueAt, Column::Id])
            .and_where(Expr::col(Column::DueAt).is_not_null())
            .take(),
        index_on(Entity, "schedule_calendar", [Column::Calendar])
            .and_where(Expr::col(Column::Calendar).is_not_null())
            .take(),
    ]
}
