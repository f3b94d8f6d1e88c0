//! Values of secrets, sealed; a row is kept as long as an attempt names it.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `secret_value`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "secret_value")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub sealed: String,
    /// When no secret had it any more.
    pub replaced_at: Option<i64>,
}

/// The foreign keys of `secret_value`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `secret_value`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "secret_value_replaced", [Column::ReplacedAt])
            .and_where(Expr::col(Column::ReplacedAt).is_not_null())
            .take(),
    ]
}
