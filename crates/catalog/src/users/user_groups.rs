//! Groups of users, which approvals name.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{Store, Transaction};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::{user_account, user_group, user_group_member};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::users::UserId;

/// The name of the list in its cursors.
const LIST: &str = "groups";

/// A group with the names of its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserGroup {
    /// Unique.
    pub name: String,
    /// Names of users.
    pub members: BTreeSet<String>,
    /// When it was first stored.
    pub created_at: Timestamp,
}

/// What became of a change to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// It was new.
    Created(UserGroup),
    /// Its members were replaced.
    Replaced(UserGroup),
    /// There is no user of this name; nothing was changed.
    UnknownUser(String),
}

/// The groups of users.
#[derive(Debug, Clone, Copy)]
pub struct UserGroups<'a> {
    store: &'a Store,
}

impl<'a> UserGroups<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists the groups by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(self, page: &PageRequest) -> Result<Page<UserGroup>, CatalogError> {
        let after = page.after::<String>(LIST)?.unwrap_or_default();
        let rows = user_group::Entity::find()
            .filter(user_group::Column::Name.gt(after))
            .order_by_asc(user_group::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let groups = self.with_members(rows).await?;
        Ok(Page::cut(LIST, page, groups, |group: &UserGroup| {
            group.name.clone()
        }))
    }

    /// Reads a group; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, name: &str) -> Result<Option<UserGroup>, CatalogError> {
        let row = user_group::Entity::find()
            .filter(user_group::Column::Name.eq(name))
            .one(self.store.reader())
            .await?;
        Ok(self.with_members(row.into_iter().collect()).await?.pop())
    }

    /// Lists the names of the groups that a user is in.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn names_of(self, user: UserId) -> Result<BTreeSet<String>, CatalogError> {
        let rows = user_group_member::Entity::find()
            .find_also_related(user_group::Entity)
            .filter(user_group_member::Column::UserId.eq(user.0))
            .all(self.store.reader())
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|(_, group)| Some(group?.name))
            .collect())
    }

    /// Stores a group with these members, in place of those that it had.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn put(
        self,
        name: &str,
        members: BTreeSet<String>,
        context: &AuditContext,
    ) -> Result<GroupChange, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let users = match lock_users(change.on(), &members).await? {
            Ok(users) => users,
            Err(unknown) => return Ok(GroupChange::UnknownUser(unknown)),
        };
        let stored = lock_group(change.on(), name).await?;
        let is_new = stored.is_none();
        let (id, created_at) = match stored {
            Some(row) => (row.id, row.created_at),
            None => (insert_group(change.on(), name, context.at).await?, context.at.0),
        };
        replace_members(change.on(), id, &users).await?;
        let listed: Vec<&str> = members.iter().map(String::as_str).collect();
        let entry = AuditEntry::done("group.put", "group", name).with_detail(listed.join(", "));
        change.commit_with(&entry).await?;
        let group = UserGroup {
            name: name.to_owned(),
            members,
            created_at: Timestamp(created_at),
        };
        Ok(if is_new {
            GroupChange::Created(group)
        } else {
            GroupChange::Replaced(group)
        })
    }

    /// Deletes a group; its members stay.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(self, name: &str, context: &AuditContext) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_group(change.on(), name).await?;
        let row = row.ok_or_else(|| CatalogError::not_found(format!("group `{name}`")))?;
        user_group::Entity::delete_by_id(row.id).exec(change.on()).await?;
        change.commit("group.delete", "group", name).await
    }

    async fn with_members(self, rows: Vec<user_group::Model>) -> Result<Vec<UserGroup>, CatalogError> {
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let found = user_group_member::Entity::find()
            .find_also_related(user_account::Entity)
            .filter(user_group_member::Column::GroupId.is_in(ids))
            .all(self.store.reader())
            .await?;
        let mut members: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for (member, user) in found {
            let of_group = members.entry(member.group_id).or_default();
            of_group.extend(user.map(|user| user.name));
        }
        let groups = rows.into_iter().map(|row| UserGroup {
            members: members.remove(&row.id).unwrap_or_default(),
            name: row.name,
            created_at: Timestamp(row.created_at),
        });
        Ok(groups.collect())
    }
}

async fn lock_group(on: &Transaction, name: &str) -> Result<Option<user_group::Model>, CatalogError> {
    let row = user_group::Entity::find()
        .filter(user_group::Column::Name.eq(name))
        .lock(LockType::Update)
        .one(on)
        .await?;
    Ok(row)
}

/// Finds users and keeps them from being deleted until the transaction ends; the first name that is none otherwise.
async fn lock_users(
    on: &Transaction,
    names: &BTreeSet<String>,
) -> Result<Result<Vec<i64>, String>, CatalogError> {
    let users: Vec<user_account::Model> = user_account::Entity::find()
        .filter(user_account::Column::Name.is_in(names.iter().map(String::as_str)))
        .order_by_asc(user_account::Column::Id)
        .lock(LockType::KeyShare)
        .all(on)
        .await?;
    let found: BTreeSet<&String> = users.iter().map(|user| &user.name).collect();
    let unknown = names.iter().find(|name| !found.contains(name));
    Ok(match unknown {
        Some(unknown) => Err(unknown.clone()),
        None => Ok(users.iter().map(|user| user.id).collect()),
    })
}

async fn insert_group(on: &Transaction, name: &str, at: Timestamp) -> Result<i64, CatalogError> {
    let row = user_group::ActiveModel {
        name: Set(name.to_owned()),
        created_at: Set(at.0),
        ..user_group::ActiveModel::default()
    };
    Ok(user_group::Entity::insert(row).exec(on).await?.last_insert_id)
}

async fn replace_members(on: &Transaction, group: i64, users: &[i64]) -> Result<(), CatalogError> {
    user_group_member::Entity::delete_many()
        .filter(user_group_member::Column::GroupId.eq(group))
        .exec(on)
        .await?;
    let rows = users.iter().map(|user| user_group_member::ActiveModel {
        group_id: Set(group),
        user_id: Set(*user),
    });
    if !users.is_empty() {
        user_group_member::Entity::insert_many(rows)
            .exec_without_returning(on)
            .await?;
    }
    Ok(())
}
