//! The audit log.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `audit`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: i64,
    pub user_name: String,
    pub source: String,
    pub request_id: String,
    pub action: String,
    pub resource_kind: String,
    pub resource: String,
    pub outcome: String,
    pub detail: String,
}

/// The foreign keys of `audit`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `audit`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![index_on(
        Entity,
        "audit_resource",
        [Column::ResourceKind, Column::Resource, Column::Id],
    )]
}
