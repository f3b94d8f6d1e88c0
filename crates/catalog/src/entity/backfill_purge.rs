//! Deleted backfills of which dates are left.

use sea_orm::entity::prelude::*;

/// A row of `backfill_purge`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill_purge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub backfill: i64,
}

/// The foreign keys of `backfill_purge`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
