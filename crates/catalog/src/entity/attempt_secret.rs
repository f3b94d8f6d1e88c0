//! Which values of secrets each attempt was given.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IndexCreateStatement;

use crate::entity::index::index_on;

/// A row of `attempt_secret`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt_secret")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub instance: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub task_index: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub value_id: i64,
}

/// The foreign keys of `attempt_secret`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::secret_value::Entity",
        from = "Column::ValueId",
        to = "super::secret_value::Column::Id"
    )]
    SecretValue,
}

impl Related<super::secret_value::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::SecretValue.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// The indexes of `attempt_secret`.
pub(crate) fn indexes() -> Vec<IndexCreateStatement> {
    vec![index_on(Entity, "attempt_secret_value", [Column::ValueId])]
}
