//! The owners of instances, one row for each epoch.

use sea_orm::entity::prelude::*;

/// A row of `owner_log`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "owner_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub epoch: i64,
    pub owner: i64,
    pub host: String,
    pub from_host: Option<String>,
    pub at: i64,
    pub why: String,
}

/// The foreign keys of `owner_log`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
