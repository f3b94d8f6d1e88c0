//! Grants to projects: what the documents of one project may do with the workflows of another.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{ExprTrait as _, LockType, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait as _};
use store::{Store, Transaction};

use crate::columns::parse_name;
use crate::entity::{project, project_share};
use crate::error::CatalogError;
use crate::permission::Permission;

/// What stands before the name of a project in a grant.
const PREFIX: &str = "project:";

/// Returns the name of the project to which a grant is given; none for a user.
pub(crate) fn shared_with(who: &str) -> Option<&str> {
    who.strip_prefix(PREFIX)
}

/// Lists the grants of a project to others by name, after one.
pub(crate) async fn list_shares(
    store: &Store,
    project: i64,
    after: &str,
    count: u64,
) -> Result<Vec<(String, Permission)>, CatalogError> {
    let rows: Vec<(String, String)> = project_share::Entity::find()
        .select_only()
        .column(project::Column::Name)
        .column(project_share::Column::Permission)
        .join(JoinType::InnerJoin, project_share::Relation::Other.def())
        .filter(project_share::Column::ProjectId.eq(project))
        .filter(project::Column::Name.gt(after))
        .order_by_asc(project::Column::Name)
        .limit(count)
        .into_tuple()
        .all(store.reader())
        .await?;
    rows.into_iter()
        .map(|(name, permission)| Ok((format!("{PREFIX}{name}"), parse_name("permission", &permission)?)))
        .collect()
}

/// Stores or changes the grant of a project to another.
pub(crate) async fn put_share(
    on: &Transaction,
    project: i64,
    other: &str,
    permission: Permission,
) -> Result<(), CatalogError> {
    let other = find_other(on, other).await?;
    let row = project_share::ActiveModel {
        project_id: Set(project),
        other_id: Set(other),
        permission: Set(permission.as_str().to_owned()),
    };
    let key = [project_share::Column::ProjectId, project_share::Column::OtherId];
    project_share::Entity::insert(row)
        .on_conflict(
            OnConflict::columns(key)
                .update_column(project_share::Column::Permission)
                .to_owned(),
        )
        .exec_without_returning(on)
        .await?;
    Ok(())
}

/// Deletes the grant of a project to another.
pub(crate) async fn delete_share(on: &Transaction, project: i64, other: &str) -> Result<(), CatalogError> {
    let id = find_other(on, other).await?;
    let deleted = project_share::Entity::delete_by_id((project, id))
        .exec(on)
        .await?;
    if deleted.rows_affected == 0 {
        return Err(CatalogError::not_found(format!("grant for project `{other}`")));
    }
    Ok(())
}

/// Deletes every grant from and to a project.
pub(crate) async fn delete_shares_of(on: &Transaction, project: i64) -> Result<(), CatalogError> {
    let from_or_to = project_share::Column::ProjectId
        .eq(project)
        .or(project_share::Column::OtherId.eq(project));
    project_share::Entity::delete_many()
        .filter(from_or_to)
        .exec(on)
        .await?;
    Ok(())
}

/// Finds the other project, and keeps it from being deleted until the transaction ends.
async fn find_other(on: &Transaction, name: &str) -> Result<i64, CatalogError> {
    let found = project::Entity::find()
        .filter(project::Column::Name.eq(name))
        .filter(project::Column::DeletedAt.is_null())
        .lock(LockType::KeyShare)
        .one(on)
        .await?;
    let found = found.ok_or_else(|| CatalogError::not_found(format!("project `{name}`")))?;
    Ok(found.id)
}
