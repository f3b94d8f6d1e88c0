//! The stored steps of instances.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `transition`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transition")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub instance: i64,
    pub at: i64,
    pub task_index: Option<i64>,
    pub attempt: Option<i64>,
    pub from_state: Option<String>,
    pub to_state: String,
    pub why: String,
    pub host: String,
    pub epoch: i64,
}

/// The joins of `transition`; it has no foreign key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::instance::Entity",
        from = "Column::Instance",
        to = "super::instance::Column::Id",
        skip_fk
    )]
    Instance,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `transition`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![index_on(
        Entity,
        "transition_instance",
        [Column::Instance, Column::Id],
    )]
}
