//! Take-overs of the instances of dead incarnations.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `failover`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "failover")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub dead: i64,
    pub dead_host: String,
    pub survivor: i64,
    pub survivor_host: String,
    pub reason: String,
    pub suspected_at: Option<i64>,
    pub declared_at: i64,
    pub acknowledged_at: Option<i64>,
    pub instances: i64,
    pub attempts_reattached: i64,
    pub attempts_lost: i64,
}

/// The foreign keys of `failover`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `failover`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index_on(Entity, "failover_pair", [Column::Dead, Column::Survivor])
            .unique()
            .take(),
    ]
}
