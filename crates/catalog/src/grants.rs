//! Grants say what a user may do in a project, and what documents of other projects may do with its workflows.

pub(crate) mod project_shares;

use std::collections::BTreeMap;

use ports::{NamedWorkflow, WorkflowLookup as _, WorkflowName};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::parse_name;
use crate::context::AuditContext;
use crate::entity::{project_grant, user_account};
use crate::error::CatalogError;
use crate::grants::project_shares::{delete_share, list_shares, put_share, shared_with};
use crate::page::{Page, PageRequest};
use crate::permission::Permission;
use crate::projects::ProjectId;
use crate::users::UserId;
use store::{Store, Transaction};

/// One grant on a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user's name, or `project:NAME` for the documents of another project.
    pub user: String,
    /// What it may do.
    pub permission: Permission,
}

/// The permissions of users and of other projects on projects.
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

    /// Reads what a user may do in each of these projects; those without a grant are absent.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn permissions(
        self,
        user: UserId,
        projects: &[ProjectId],
    ) -> Result<BTreeMap<ProjectId, Permission>, CatalogError> {
        let grants = project_grant::Entity::find()
            .filter(project_grant::Column::UserId.eq(user.0))
            .filter(project_grant::Column::ProjectId.is_in(projects.iter().map(|project| project.0)))
            .all(self.store.reader())
            .await?;
        grants
            .into_iter()
            .map(|grant| {
                let permission = parse_name("permission", &grant.permission)?;
                Ok((ProjectId(grant.project_id), permission))
            })
            .collect()
    }

    /// Finds the workflows that a document of a project names, with what the project may do with each.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_named_workflows(
        self,
        project: &str,
        names: &[WorkflowName],
    ) -> Result<Vec<NamedWorkflow>, CatalogError> {
        Ok(self.store.find_named_workflows(project, names).await?)
    }

    /// Lists the grants on a project: those of users by name, then those of other projects by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(self, project: ProjectId, page: &PageRequest) -> Result<Page<Grant>, CatalogError> {
        let after = page.after::<String>("grants")?.unwrap_or_default();
        let mut grants = match shared_with(&after) {
            Some(_) => Vec::new(),
            None => self.list_users(project, &after, page.rows()).await?,
        };
        let count = page
            .rows()
            .saturating_sub(u64::try_from(grants.len()).unwrap_or(u64::MAX));
        let after = shared_with(&after).unwrap_or_default();
        let shares = list_shares(self.store, project.0, after, count).await?;
        let shares = shares.into_iter();
        grants.extend(shares.map(|(user, permission)| Grant { user, permission }));
        Ok(Page::cut("grants", page, grants, |grant: &Grant| {
            grant.user.clone()
        }))
    }

    async fn list_users(
        self,
        project: ProjectId,
        after: &str,
        count: u64,
    ) -> Result<Vec<Grant>, CatalogError> {
        let rows = project_grant::Entity::find()
            .find_also_related(user_account::Entity)
            .filter(project_grant::Column::ProjectId.eq(project.0))
            .filter(user_account::Column::Name.gt(after))
            .order_by_asc(user_account::Column::Name)
            .limit(count)
            .all(self.store.reader())
            .await?;
        rows.into_iter()
            .filter_map(|(grant, user)| Some((grant, user?)))
            .map(|(grant, user)| {
                Ok(Grant {
                    user: user.name,
                    permission: parse_name("permission", &grant.permission)?,
                })
            })
            .collect()
    }

    /// Grants, or changes a grant.
    ///
    /// # Errors
    /// `NotFound`: there is no such user or project.
    pub async fn put(
        self,
        project: ProjectId,
        grant: &Grant,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        match shared_with(&grant.user) {
            Some(other) => put_share(change.on(), project.0, other, grant.permission).await?,
            None => put_user_grant(change.on(), project, grant).await?,
        }
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
        who: &str,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        match shared_with(who) {
            Some(other) => delete_share(change.on(), project.0, other).await?,
            None => delete_user_grant(change.on(), project, who).await?,
        }
        let entry = AuditEntry::done("grant.delete", "project", &project.0.to_string()).with_detail(who);
        change.commit_with(&entry).await
    }
}

async fn put_user_grant(on: &Transaction, project: ProjectId, grant: &Grant) -> Result<(), CatalogError> {
    // Locked, so that the user is not deleted in between.
    let user = user_account::Entity::find()
        .filter(user_account::Column::Name.eq(&grant.user))
        .lock(LockType::KeyShare)
        .one(on)
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
        .exec_without_returning(on)
        .await?;
    Ok(())
}

async fn delete_user_grant(on: &Transaction, project: ProjectId, user: &str) -> Result<(), CatalogError> {
    let no_grant = || CatalogError::not_found(format!("grant for user `{user}`"));
    let account = user_account::Entity::find()
        .filter(user_account::Column::Name.eq(user))
        .one(on)
        .await?
        .ok_or_else(no_grant)?;
    let deleted = project_grant::Entity::delete_by_id((project.0, account.id))
        .exec(on)
        .await?;
    if deleted.rows_affected == 0 {
        return Err(no_grant());
    }
    Ok(())
}
