//! Limits of projects, and shared ones; the one without a name is the cap of its project.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `named_limit`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "named_limit")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// None of a shared one.
    pub project_id: Option<i64>,
    pub name: String,
    pub slots: i64,
    pub enabled: bool,
    pub description: String,
    /// Kept by triggers on `limit_request`.
    pub used: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// The foreign keys of `named_limit`.
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

/// The indexes of `named_limit`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "named_limit_name", [Column::ProjectId, Column::Name])
            .unique()
            .and_where(Expr::col(Column::ProjectId).is_not_null())
            .take(),
        index_on(Entity, "named_limit_shared_name", [Column::Name])
            .unique()
            .and_where(Expr::col(Column::ProjectId).is_null())
            .take(),
    ]
}
