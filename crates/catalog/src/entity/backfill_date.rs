//! The dates of backfills, in the order of running.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `backfill_date`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill_date")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub backfill: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub workflow_id: i64,
    pub scheduled_at: i64,
    pub timezone: String,
    pub state: String,
    pub instance: Option<i64>,
    pub reason: Option<String>,
    pub ended_at: Option<i64>,
    pub version: Option<i64>,
    pub task: Option<String>,
    pub awaited_first: Option<i64>,
    pub awaited_last: Option<i64>,
}

/// The workflow, which is no key: a row is only ever written joined to its backfill.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::workflow::Entity",
        from = "Column::WorkflowId",
        to = "super::workflow::Column::Id",
        skip_fk
    )]
    Workflow,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `backfill_date`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(
            Entity,
            "backfill_date_state",
            [Column::Backfill, Column::State, Column::Position],
        ),
        index_on(Entity, "backfill_date_instance", [Column::Instance])
            .and_where(Expr::col(Column::Instance).is_not_null())
            .take(),
    ]
}
