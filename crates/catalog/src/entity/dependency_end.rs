//! Ends of instances that a task waits for, and other losses of what tasks wait for, until a master has found what they wake.

use sea_orm::entity::prelude::*;

/// A row of `dependency_end`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dependency_end")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workflow_id: i64,
    pub base_at: i64,
    pub until_at: Option<i64>,
}

/// The foreign keys of `dependency_end`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
