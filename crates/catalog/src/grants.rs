//! Grants say what a user may do in a project.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::parse_name;
use crate::context::AuditContext;
use crate::entity::{project_grant, user_account};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::permission::Permission;
use crate::projects::ProjectId;
use crate::users::UserId;
use store::Store;

/// One user's grant on a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user's name.
    pub user: String,
    /// What it may do.
    pub permission: Permission,
}

/// The permissions of users on projects.
#[derive(Debug, Clone, Copy)]
pub struct Grants<'a> {
    store: &'a Store,
}

impl<'a> Grants<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Reads what a user may do in a project; none: nothing. Admins need no grant.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn permission(
        self,
        user: UserId,
        project: ProjectId,
    ) -> Result<Option<Permission>, CatalogError> {
        let grant = project_grant::Entity::find_by_id((project.0, user.0))
            .one(self.store.reader())
            .await?;
        grant
            .map(|grant| parse_name("permission", &grant.permission))
            .transpose()
    }

    /// Lists the grants on a project by user name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(self, project: ProjectId, page: &PageRequest) -> Result<Page<Grant>, CatalogError> {
        let after = page.after::<String>("grants")?.unwrap_or_default();
        let rows = project_grant::Entity::find()
            .find_also_related(user_account::Entity)
            .filter(project_grant::Column::ProjectId.eq(project.0))
            .filter(user_account::Column::Name.gt(after))
            .order_by_asc(user_account::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let grants = rows
            .into_iter()
            .filter_map(|(grant, user)| Some((grant, user?)))
            .map(|(grant, user)| {
                Ok(Grant {
                    user: user.name,
                    permission: parse_name("permission", &grant.permission)?,
                })
            });
        let grants = grants.collect::<Result<Vec<_>, CatalogError>>()?;
        Ok(Page::cut("grants", page, grants, |grant: &Grant| {
            grant.user.clone()
        }))
    }

    /// Grants, or changes a grant.
    ///
    /// # Errors
    /// `NotFound`: there is no such user.
    pub async fn put(
        self,
        project: ProjectId,
        grant: &Grant,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        // Locked, so that the user is not deleted in between.
        let user = user_account::Entity::find()
            .filter(user_account::Column::Name.eq(&grant.user))
            .lock(LockType::KeyShare)
            .one(change.on())
            .await?
            .ok_or_else(|| CatalogError::not_found(format!("user `{}`", grant.user)))?;
        let row = project_grant::ActiveModel {
            project_id: Set(project.0),
            user_id: Set(user.id),
            permission: Set(grant.permission.as_str().to_owned()),
        };
        let key = [project_grant::Column::ProjectId, project_grant::Column::UserId];
        project_grant::Entity::insert(row)
            .on_conflict(
                OnConflict::columns(key)
                    .update_column(project_grant::Column::Permission)
                    .to_owned(),
            )
            .exec_without_returning(change.on())
            .await?;
        let detail = format!("{} for {}", grant.permission, grant.user);
        let entry = AuditEntry::done("grant.put", "project", &project.0.to_string()).with_detail(detail);
        change.commit_with(&entry).await
    }

    /// Revokes a grant.
    ///
    /// # Errors
    /// `NotFound`: there is none.
    pub async fn delete(
        self,
        project: ProjectId,
        user: &str,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let no_grant = || CatalogError::not_found(format!("grant for user `{user}`"));
        let account = user_account::Entity::find()
            .filter(user_account::Column::Name.eq(user))
            .one(change.on())
            .await?
            .ok_or_else(no_grant)?;
        let deleted = project_grant::Entity::delete_by_id((project.0, account.id))
            .exec(change.on())
            .await?;
        if deleted.rows_affected == 0 {
            return Err(no_grant());
        }
        let entry = AuditEntry::done("grant.delete", "project", &project.0.to_string()).with_detail(user);
        change.commit_with(&entry).await
    }
}
