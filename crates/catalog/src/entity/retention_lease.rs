//! Which node deletes what ended long ago; one row.

use sea_orm::entity::prelude::*;

/// A row of `retention_lease`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "retention_lease")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub owner: Option<i64>,
    pub epoch: i64,
    pub expires_at: i64,
    pub swept_at: i64,
}

/// The foreign keys of `retention_lease`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
