//! The cap of a project's tasks, which is its limit without a name.

use engine::ids::Timestamp;
use engine::limits::PROJECT_CAP;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use store::Transaction;

use crate::entity::{limit_request, named_limit};
use crate::error::CatalogError;

/// Stores the cap of a project's tasks; none takes it away, with what waits for it.
pub(crate) async fn store_project_cap(
    on: &Transaction,
    project: i64,
    max_tasks: Option<u32>,
    at: Timestamp,
) -> Result<(), CatalogError> {
    let stored = named_limit::Entity::find()
        .filter(named_limit::Column::ProjectId.eq(project))
        .filter(named_limit::Column::Name.eq(PROJECT_CAP))
        .lock(LockType::Update)
        .one(on)
        .await?;
    match (stored, max_tasks) {
        (Some(row), Some(slots)) => {
            let row = named_limit::ActiveModel {
                id: Unchanged(row.id),
                slots: Set(i64::from(slots)),
                updated_at: Set(at.0),
                ..named_limit::ActiveModel::default()
            };
            named_limit::Entity::update(row)
                .exec_without_returning(on)
                .await?;
        }
        (None, Some(slots)) => {
            let row = named_limit::ActiveModel {
                project_id: Set(Some(project)),
                name: Set(PROJECT_CAP.to_owned()),
                slots: Set(i64::from(slots)),
                created_at: Set(at.0),
                updated_at: Set(at.0),
                ..named_limit::ActiveModel::default()
            };
            named_limit::Entity::insert(row)
                .exec_without_returning(on)
                .await?;
        }
        (Some(row), None) => {
            limit_request::Entity::delete_many()
                .filter(limit_request::Column::LimitId.eq(row.id))
                .exec(on)
                .await?;
            named_limit::Entity::delete_by_id(row.id).exec(on).await?;
        }
        (None, None) => {}
    }
    Ok(())
}
