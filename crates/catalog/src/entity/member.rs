//! The incarnations of nodes.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ConditionalStatement as _, Expr, IndexCreateStatement};

use crate::entity::index::index_on;
use store::LIVE_MEMBER;

/// A row of `member`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "member")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub incarnation: i64,
    pub name: String,
    pub host: String,
    pub roles: String,
    pub state: String,
    pub slots: i64,
    pub worker_group: String,
    pub version: String,
    pub joined_at: i64,
    pub state_at: i64,
    pub declared_by: Option<i64>,
    pub reason: Option<String>,
}

/// The foreign keys of `member`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `member`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "member_live_host", [Column::Host])
            .unique()
            .and_where(Expr::cust(LIVE_MEMBER))
            .take(),
        index_on(Entity, "member_live_name", [Column::Name])
            .unique()
            .and_where(Expr::cust(LIVE_MEMBER))
            .take(),
        index_on(Entity, "member_state", [Column::State, Column::StateAt]),
    ]
}
