//! The tasks of instances that have started.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `task_instance`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "task_instance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_index: i64,
    pub state: String,
    pub reason: Option<String>,
    pub attempts: i64,
    pub attempts_before_run: i64,
    pub lost_in_run: i64,
    pub due_at: Option<i64>,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub outputs: String,
    pub progress: Option<String>,
    pub waits_on: Option<String>,
    pub expired_waits: i64,
    pub overrides: Option<String>,
    pub reused: Option<i64>,
}

/// The joins of `task_instance`; it has no foreign key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::attempt::Entity",
        from = "(Column::Instance, Column::TaskIndex, Column::Attempts)",
        to = "(super::attempt::Column::Instance, super::attempt::Column::TaskIndex, super::attempt::Column::Number)",
        skip_fk
    )]
    LastAttempt,
    /// Of all attempts of the task; to be narrowed to the first.
    #[sea_orm(
        belongs_to = "super::attempt::Entity",
        from = "(Column::Instance, Column::TaskIndex)",
        to = "(super::attempt::Column::Instance, super::attempt::Column::TaskIndex)",
        skip_fk
    )]
    FirstAttempt,
    #[sea_orm(
        belongs_to = "super::instance::Entity",
        from = "Column::Instance",
        to = "super::instance::Column::Id",
        skip_fk
    )]
    Instance,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `task_instance`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(
            Entity,
            "task_instance_waits",
            [Column::WaitsOn, Column::Instance, Column::TaskIndex],
        )
        .and_where(Expr::col(Column::WaitsOn).is_not_null())
        .take(),
    ]
}
