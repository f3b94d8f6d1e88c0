//! Calendars of projects, and shared ones.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `calendar`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "calendar")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// None of a shared one.
    pub project_id: Option<i64>,
    pub name: String,
    pub timezone: Option<String>,
    pub days: String,
    pub exclude: String,
    pub include: String,
    pub description: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// The foreign keys of `calendar`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::project::Entity",
        from = "Column::ProjectId",
        to = "super::project::Column::Id"
    )]
    Project,
}

impl Related<super::project::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Project.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `calendar`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "calendar_name", [Column::ProjectId, Column::Name])
            .unique()
            .and_where(Expr::col(Column::ProjectId).is_not_null())
            .take(),
        index_on(Entity, "calendar_shared_name", [Column::Name])
            .unique()
            .and_where(Expr::col(Column::ProjectId).is_null())
            .take(),
    ]
}
