//! The incarnations of nodes.

use sea_orm::entity::prelude::*;

/// A row of `member`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "member")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub incarnation: i64,
    pub name: String,
    pub host: String,
    pub roles: String,
    pub state: String,
    pub slots: i64,
    pub worker_group: String,
    pub version: String,
    pub joined_at: i64,
    pub state_at: i64,
    pub declared_by: Option<i64>,
    pub reason: Option<String>,
}

/// The foreign keys of `member`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
