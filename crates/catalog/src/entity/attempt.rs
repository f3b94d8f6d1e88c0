//! The attempts of tasks.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `attempt`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_index: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub dispatch_number: i64,
    pub dispatch_id: Option<String>,
    pub worker: Option<i64>,
    pub worker_name: Option<String>,
    pub epoch: i64,
    pub state: String,
    pub kill_cause: Option<String>,
    pub pid: Option<i64>,
    pub exit_code: Option<i64>,
    pub error: Option<String>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub log_bytes: Option<i64>,
}

/// The joins of `attempt`; it has no foreign key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::instance::Entity",
        from = "Column::Instance",
        to = "super::instance::Column::Id",
        skip_fk
    )]
    Instance,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `attempt`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "attempt_dispatch", [Column::DispatchId])
            .unique()
            .and_where(Expr::col(Column::DispatchId).is_not_null())
            .take(),
        index_on(Entity, "attempt_one_open", [Column::Instance, Column::TaskIndex])
            .unique()
            .and_where(Expr::cust("state IN ('created', 'running')"))
            .take(),
        index_on(
            Entity,
            "attempt_first",
            [Column::CreatedAt, Column::Instance, Column::TaskIndex],
        )
        .and_where(Expr::col(Column::Number).eq(1))
        .take(),
    ]
}
