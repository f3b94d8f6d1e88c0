//! The last heartbeat of each incarnation.

use sea_orm::entity::prelude::*;

/// A row of `member_heartbeat`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "member_heartbeat")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub incarnation: i64,
    pub seen_at: i64,
    pub heartbeats: i64,
}

/// The foreign keys of `member_heartbeat`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::member::Entity",
        from = "Column::Incarnation",
        to = "super::member::Column::Incarnation",
        on_delete = "Cascade"
    )]
    Member,
}

impl Related<super::member::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Member.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
