//! The idempotency keys of requests.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `request_key`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "request_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub body_hash: String,
    pub resource_kind: String,
    pub resource: String,
    pub at: i64,
}

/// The foreign keys of `request_key`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `request_key`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![index_on(Entity, "request_key_at", [Column::At])]
}
