//! The rules of alerts of all places.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `alert_rule`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_rule")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub source: String,
    pub source_id: i64,
    pub project_id: i64,
    pub workflow_id: i64,
    pub place: i64,
    pub events: i64,
    pub timed: bool,
    pub late_after_ms: Option<i64>,
    pub within_ms: Option<i64>,
    pub rule: String,
    pub valid_from: i64,
    pub valid_until: Option<i64>,
}

/// The foreign keys of `alert_rule`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `alert_rule`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(
            Entity,
            "alert_rule_scope",
            [
                Column::ProjectId,
                Column::WorkflowId,
                Column::Source,
                Column::SourceId,
            ],
        ),
        index_on(Entity, "alert_rule_timed", [Column::Timed, Column::ValidUntil]),
        index_on(Entity, "alert_rule_ended", [Column::ValidUntil])
            .and_where(Expr::col(Column::ValidUntil).is_not_null())
            .take(),
    ]
}
