//! The idempotency keys of requests.

use sea_orm::entity::prelude::*;

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
