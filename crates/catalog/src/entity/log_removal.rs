//! The deleted instances whose logs a worker has not removed yet.

use sea_orm::entity::prelude::*;

/// A row of `log_removal`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "log_removal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub worker_name: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
}

/// The foreign keys of `log_removal`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
