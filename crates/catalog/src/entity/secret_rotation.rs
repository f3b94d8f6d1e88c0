//! Requests to seal every value again under another key.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `secret_rotation`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "secret_rotation")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The key under which values are sealed again.
    pub key_id: String,
    pub requested_by: String,
    pub created_at: i64,
    pub owner: Option<i64>,
    pub epoch: i64,
    pub expires_at: i64,
    pub rotated: i64,
    /// Why it could not be carried out.
    pub refusal: Option<String>,
    pub ended_at: Option<i64>,
}

/// The foreign keys of `secret_rotation`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `secret_rotation`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "secret_rotation_open", [Column::Id])
            .and_where(Expr::col(Column::EndedAt).is_null())
            .take(),
    ]
}
