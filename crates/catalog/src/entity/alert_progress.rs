//! The one row that says until when due times were looked for.

use sea_orm::entity::prelude::*;

/// A row of `alert_progress`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_progress")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub checked_until: i64,
}

/// The foreign keys of `alert_progress`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
