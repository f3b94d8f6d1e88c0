//! Connections of projects, and shared ones.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `connection`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connection")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// None of a shared one.
    pub project_id: Option<i64>,
    pub name: String,
    pub r#type: String,
    /// JSON of the fields in the clear.
    pub fields: String,
    /// JSON of the secret fields: pointer → sealed text.
    pub sealed: String,
    /// JSON: pointer of a secret field → the secrets of the project that it names.
    pub secret_names: String,
    /// Lines of known_hosts, accepted at the first contact.
    pub host_keys: Option<String>,
    /// Whether every project may use a shared one.
    pub granted_to_all: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub updated_by: String,
}

/// The foreign keys of `connection`.
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

/// The indexes of `connection`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "connection_name", [Column::ProjectId, Column::Name])
            .unique()
            .and_where(Expr::col(Column::ProjectId).is_not_null())
            .take(),
        index_on(Entity, "connection_shared_name", [Column::Name])
            .unique()
            .and_where(Expr::col(Column::ProjectId).is_null())
            .take(),
    ]
}
