//! Deletions that users requested.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `retention_run`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "retention_run")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub requested_by: String,
    pub created_at: i64,
    pub ended_before: i64,
    pub project_id: Option<i64>,
    pub states: String,
    pub outcome: String,
    pub instances: i64,
    pub deleted_rows: i64,
    pub ended_at: Option<i64>,
}

/// The foreign keys of `retention_run`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `retention_run`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "retention_run_pending", [Column::Outcome])
            .unique()
            .and_where(Expr::col(Column::Outcome).eq("pending"))
            .take(),
    ]
}
