//! What became of the fires of schedules.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, ExprTrait as _, IndexCreateStatement};

use crate::entity::index::index_on;

/// A row of `schedule_fire`: one fire, or skipped ones in a row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule_fire")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub schedule_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub fire_at: i64,
    pub first_fire_at: i64,
    pub outcome: String,
    pub why: Option<String>,
    pub late_ms: Option<i64>,
    /// No foreign key: a deleted instance stays as a number.
    pub instance: Option<i64>,
    pub fires: i64,
    pub at: i64,
}

/// The foreign keys of `schedule_fire`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::schedule::Entity",
        from = "Column::ScheduleId",
        to = "super::schedule::Column::Id",
        on_delete = "Cascade"
    )]
    Schedule,
}

impl Related<super::schedule::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Schedule.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `schedule_fire`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "schedule_fire_instance", [Column::Instance])
            .and_where(Expr::col(Column::Instance).is_not_null())
            .take(),
        index_on(Entity, "schedule_fire_at", [Column::At]),
    ]
}
