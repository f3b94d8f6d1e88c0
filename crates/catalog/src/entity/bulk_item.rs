//! The instances of operations on many; one that was applied has no row any more.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `bulk_item`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bulk_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub operation: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    pub state: String,
    pub command: Option<i64>,
    pub detail: Option<String>,
}

/// The foreign keys of `bulk_item`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::bulk_operation::Entity",
        from = "Column::Operation",
        to = "super::bulk_operation::Column::Id",
        on_delete = "Cascade"
    )]
    Operation,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `bulk_item`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![index_on(
        Entity,
        "bulk_item_state",
        [Column::Operation, Column::State, Column::Instance],
    )]
}
