//! Messages of alerts to channels.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `alert_delivery`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_delivery")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub project_id: Option<i64>,
    pub channel: String,
    pub state: String,
    pub attempts: i64,
    pub failures: i64,
    pub first_try_at: Option<i64>,
    pub last_error: Option<String>,
    pub next_at: Option<i64>,
    pub gathering: Option<String>,
    pub owner: Option<i64>,
    pub epoch: i64,
    pub leased_until: Option<i64>,
    pub created_at: i64,
}

/// The foreign keys of `alert_delivery`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `alert_delivery`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "alert_delivery_due", [Column::NextAt, Column::Id])
            .and_where(Expr::col(Column::State).eq("waiting"))
            .take(),
        index_on(Entity, "alert_delivery_gathering", [Column::Gathering])
            .unique()
            .and_where(Expr::col(Column::Gathering).is_not_null())
            .take(),
    ]
}
