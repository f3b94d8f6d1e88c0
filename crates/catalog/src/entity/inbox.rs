//! What waits for the owners of instances: commands and relayed results.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `inbox`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub instance: i64,
    pub dedup_key: String,
    pub kind: String,
    pub command: Option<String>,
    pub run: Option<i64>,
    pub task: Option<String>,
    pub body: Option<String>,
    pub reason: Option<String>,
    pub requested_by: String,
    pub created_at: i64,
    pub applied_at: Option<i64>,
    pub applied_epoch: Option<i64>,
    pub outcome: String,
    pub detail: Option<String>,
}

/// The foreign keys of `inbox`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `inbox`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "inbox_dedup", [Column::Instance, Column::DedupKey])
            .unique()
            .take(),
        index_on(Entity, "inbox_unapplied", [Column::Instance, Column::Id])
            .and_where(Expr::col(Column::AppliedAt).is_null())
            .take(),
    ]
}
