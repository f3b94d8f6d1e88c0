//! The labels of instances, for filters.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `instance_label`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "instance_label")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub value: String,
}

/// The foreign keys of `instance_label`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `instance_label`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![index_on(
        Entity,
        "instance_label_value",
        [Column::Name, Column::Value, Column::Instance],
    )]
}
