//! Which alerts are in which messages.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `alert_delivery_item`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_delivery_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub alert: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub delivery: i64,
}

/// The foreign keys of `alert_delivery_item`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::alert::Entity",
        from = "Column::Alert",
        to = "super::alert::Column::Id",
        on_delete = "Cascade"
    )]
    Alert,
    #[sea_orm(
        belongs_to = "super::alert_delivery::Entity",
        from = "Column::Delivery",
        to = "super::alert_delivery::Column::Id",
        on_delete = "Cascade"
    )]
    Delivery,
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `alert_delivery_item`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![index_on(
        Entity,
        "alert_delivery_item_delivery",
        [Column::Delivery],
    )]
}
