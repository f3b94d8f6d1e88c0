//! Instances that hold a place of their workflow or project, or wait for one.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `place`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "place")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    pub project_id: i64,
    pub workflow_id: i64,
    pub key: Option<String>,
    pub counted: bool,
    pub state: String,
    pub urgency: i64,
    pub since: i64,
    pub due_at: Option<i64>,
}

/// The instance, which is no key: a trigger removes the row in the commit that ends it.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `place`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    let of_key = [
        Column::WorkflowId,
        Column::Key,
        Column::State,
        Column::Urgency,
        Column::Instance,
    ];
    let of_project = [
        Column::ProjectId,
        Column::State,
        Column::Urgency,
        Column::Instance,
    ];
    vec![
        index_on(Entity, "place_key", of_key),
        index_on(Entity, "place_project", of_project),
        index_on(Entity, "place_due", [Column::DueAt])
            .and_where(Expr::col(Column::DueAt).is_not_null())
            .take(),
    ]
}
