//! Workflow instances.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;
use store::RUNS_CONDITION;

/// A row of `instance`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "instance")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub project_id: i64,
    pub workflow_id: i64,
    pub version: i64,
    pub state: String,
    pub reason: Option<String>,
    pub attention: Option<String>,
    pub run: i64,
    pub owner: Option<i64>,
    pub host: Option<String>,
    pub epoch: i64,
    pub revision: i64,
    pub claims_without_progress: i64,
    pub start: String,
    pub project_params: String,
    pub outputs: String,
    pub tasks_total: i64,
    pub tasks_excluded: i64,
    pub priority: String,
    pub trigger_type: String,
    pub schedule: Option<String>,
    pub backfill: Option<i64>,
    pub parent: Option<i64>,
    pub parent_task: Option<String>,
    pub parent_attempt: Option<i64>,
    pub parent_index: Option<i64>,
    pub requested_by: Option<String>,
    pub scheduled_at: Option<i64>,
    pub dry_run: bool,
    pub due_at: Option<i64>,
    pub time_left_ms: Option<i64>,
    pub timed_out: bool,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub chosen_tasks: bool,
    pub gated: bool,
    pub queued_by: Option<String>,
    pub run_range: Option<String>,
    pub params: Option<String>,
    pub labels: Option<String>,
    pub note: Option<String>,
    pub continued_from: Option<i64>,
}

/// The foreign keys of `instance`, and what is joined without one: the owner, since members are purged, and labels.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::project::Entity",
        from = "Column::ProjectId",
        to = "super::project::Column::Id"
    )]
    Project,
    #[sea_orm(
        belongs_to = "super::workflow::Entity",
        from = "Column::WorkflowId",
        to = "super::workflow::Column::Id"
    )]
    Workflow,
    #[sea_orm(
        belongs_to = "super::member::Entity",
        from = "Column::Owner",
        to = "super::member::Column::Incarnation",
        skip_fk
    )]
    Owner,
    #[sea_orm(
        belongs_to = "super::instance_label::Entity",
        from = "Column::Id",
        to = "super::instance_label::Column::Instance",
        skip_fk
    )]
    Label,
}

impl Related<super::project::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Project.def()
    }
}

impl Related<super::workflow::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Workflow.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `instance`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    let unowned = format!("owner IS NULL AND {}", RUNS_CONDITION.replace("i.", ""));
    let where_present = |name: &'static str, column: Column, next: Column| {
        index_on(Entity, name, [column, next])
            .and_where(Expr::col(column).is_not_null())
            .take()
    };
    vec![
        where_present("instance_owner", Column::Owner, Column::Id),
        index_on(Entity, "instance_unowned", [Column::Id])
            .and_where(Expr::cust(unowned))
            .take(),
        index_on(
            Entity,
            "instance_ended",
            [Column::ProjectId, Column::EndedAt, Column::Id],
        )
        .and_where(Expr::col(Column::EndedAt).is_not_null())
        .take(),
        index_on(Entity, "instance_project", [Column::ProjectId, Column::Id]),
        index_on(Entity, "instance_workflow", [Column::WorkflowId, Column::Id]),
        index_on(Entity, "instance_state", [Column::State, Column::Id]),
        index_on(Entity, "instance_trigger", [Column::TriggerType, Column::Id]),
        where_present("instance_schedule", Column::Schedule, Column::Id),
        where_present("instance_backfill", Column::Backfill, Column::Id),
        where_present("instance_parent", Column::Parent, Column::Id),
        index_on(
            Entity,
            "instance_child",
            [
                Column::Parent,
                Column::ParentTask,
                Column::ParentAttempt,
                Column::ParentIndex,
            ],
        )
        .unique()
        .and_where(Expr::col(Column::Parent).is_not_null())
        .take(),
        index_on(Entity, "instance_requested_by", [Column::RequestedBy, Column::Id]),
        where_present("instance_scheduled", Column::ScheduledAt, Column::WorkflowId),
        index_on(Entity, "instance_created", [Column::CreatedAt, Column::Id]),
        index_on(
            Entity,
            "instance_base",
            [Column::WorkflowId, Column::ScheduledAt, Column::CreatedAt],
        ),
    ]
}
