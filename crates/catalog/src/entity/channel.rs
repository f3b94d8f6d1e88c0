//! Channels of alerts.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `channel`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "channel")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// None of a shared one.
    pub project_id: Option<i64>,
    pub name: String,
    #[sea_orm(column_name = "type")]
    pub channel_type: String,
    /// JSON: the fields that are no secrets.
    pub fields: String,
    /// JSON: the sealed text of each secret field.
    pub sealed: String,
    /// JSON: the secrets of the project that each field names.
    pub secret_names: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub updated_by: String,
}

/// The foreign keys of `channel`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::project::Entity",
        from = "Column::ProjectId",
        to = "super::project::Column::Id"
    )]
    Project,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `channel`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "channel_name", [Column::ProjectId, Column::Name])
            .unique()
            .and_where(Expr::col(Column::ProjectId).is_not_null())
            .take(),
        index_on(Entity, "channel_shared_name", [Column::Name])
            .unique()
            .and_where(Expr::col(Column::ProjectId).is_null())
            .take(),
    ]
}
