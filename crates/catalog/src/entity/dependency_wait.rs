//! Which task waits for which instances.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `dependency_wait`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dependency_wait")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_index: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i64,
    pub workflow_id: i64,
    pub from_at: i64,
    pub to_at: i64,
    pub woken: bool,
}

/// The foreign keys of `dependency_wait`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `dependency_wait`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(
            Entity,
            "dependency_wait_range",
            [Column::WorkflowId, Column::ToAt, Column::FromAt],
        ),
        index_on(
            Entity,
            "dependency_wait_woken",
            [Column::Instance, Column::TaskIndex],
        )
        .and_where(Expr::cust("woken"))
        .take(),
    ]
}
