//! Places that were given back, until an admission has looked at them.

use sea_orm::entity::prelude::*;

/// A row of `place_release`: of one key of a workflow, of all its keys, or of a whole project.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "place_release")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub project_id: i64,
    pub workflow_id: Option<i64>,
    pub key: Option<String>,
}

/// The foreign keys of `place_release`.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
