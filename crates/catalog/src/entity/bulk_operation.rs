//! Operations on many instances.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `bulk_operation`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bulk_operation")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub verb: String,
    pub reason: Option<String>,
    pub user_id: i64,
    pub requested_by: String,
    pub created_at: i64,
    pub owner: Option<i64>,
    pub epoch: i64,
    pub expires_at: i64,
    pub total: i64,
    pub applied: i64,
    pub refused: i64,
    pub ended_at: Option<i64>,
}

/// The foreign keys of `bulk_operation`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `bulk_operation`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "bulk_operation_open", [Column::Id])
            .and_where(Expr::col(Column::EndedAt).is_null())
            .take(),
    ]
}
