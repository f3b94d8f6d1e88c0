//! The tasks that wait for limits or hold their slots.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `limit_request`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "limit_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_index: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// None where no limit of that name exists: it limits nothing.
    pub limit_id: Option<i64>,
    pub slots: i64,
    /// `waiting`, `awaiting_worker` or `holding`.
    pub state: String,
    pub forced: bool,
    pub worker_group: String,
    pub instance_priority: i64,
    pub task_priority: i64,
    pub ready_at: i64,
    /// The attempt that holds the slots.
    pub attempt: Option<i64>,
    pub since: i64,
}

/// `limit_request` has no foreign key: a row is only ever written joined to its instance.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `limit_request`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    let queue = [
        Column::LimitId,
        Column::InstancePriority,
        Column::TaskPriority,
        Column::ReadyAt,
        Column::Instance,
        Column::TaskIndex,
    ];
    let holders = [Column::LimitId, Column::Instance, Column::TaskIndex];
    vec![
        index_on(Entity, "limit_request_queue", queue)
            .and_where(Expr::col(Column::State).ne("holding"))
            .take(),
        index_on(Entity, "limit_request_holders", holders)
            .and_where(Expr::col(Column::State).eq("holding"))
            .take(),
        index_on(Entity, "limit_request_slots", [Column::LimitId, Column::Slots])
            .and_where(Expr::col(Column::State).ne("holding"))
            .take(),
        index_on(
            Entity,
            "limit_request_forced",
            [Column::Instance, Column::TaskIndex],
        )
        .and_where(Expr::col(Column::Forced))
        .take(),
    ]
}
