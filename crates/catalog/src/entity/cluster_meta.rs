//! The one row of the cluster.

use sea_orm::entity::prelude::*;

/// A row of `cluster_meta`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cluster_meta")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub one: i64,
    pub generation: i64,
    pub secret_hash: Option<String>,
    pub system_identifier: Option<String>,
    pub timeline: Option<i64>,
}

/// The foreign keys of `cluster_meta`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
