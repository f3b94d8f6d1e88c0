//! The deleted instances whose logs a worker has not removed yet.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `log_removal`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "log_removal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub worker_name: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    pub requested_at: i64,
}

/// The foreign keys of `log_removal`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `log_removal`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![index_on(Entity, "log_removal_requested", [Column::RequestedAt])]
}
