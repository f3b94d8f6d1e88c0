//! Events that wait to become alerts.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `alert_event`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub event: String,
    pub at: i64,
    pub instance: Option<i64>,
    pub run: Option<i64>,
    pub task_index: Option<i64>,
    pub attempt: Option<i64>,
    pub schedule_id: Option<i64>,
    pub fire_at: Option<i64>,
    pub backfill: Option<i64>,
    pub incarnation: Option<i64>,
    pub survivor: Option<i64>,
    pub rule_id: Option<i64>,
    pub reason: Option<String>,
}

/// The foreign keys of `alert_event`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `alert_event`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "alert_event_backfill", [Column::Backfill])
            .and_where(Expr::col(Column::Backfill).is_not_null())
            .take(),
    ]
}
