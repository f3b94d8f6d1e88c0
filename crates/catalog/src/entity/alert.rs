//! What rules made of events.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `alert`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub event: String,
    pub subject: String,
    pub run: i64,
    pub rule: String,
    pub project_id: Option<i64>,
    pub workflow_id: Option<i64>,
    pub instance: Option<i64>,
    pub at: i64,
    pub facts: String,
    pub text: String,
}

/// The joins of `alert`; it has no foreign key.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::project::Entity",
        from = "Column::ProjectId",
        to = "super::project::Column::Id",
        skip_fk
    )]
    Project,
    #[sea_orm(
        belongs_to = "super::workflow::Entity",
        from = "Column::WorkflowId",
        to = "super::workflow::Column::Id",
        skip_fk
    )]
    Workflow,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `alert`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(
            Entity,
            "alert_key",
            [Column::Subject, Column::Run, Column::Event, Column::Rule],
        )
        .unique()
        .take(),
        index_on(Entity, "alert_project", [Column::ProjectId, Column::Id]),
        index_on(Entity, "alert_instance", [Column::Instance])
            .and_where(Expr::col(Column::Instance).is_not_null())
            .take(),
        index_on(Entity, "alert_at", [Column::At]),
    ]
}
