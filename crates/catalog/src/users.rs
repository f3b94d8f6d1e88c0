//! Users may log in and hold tokens.

pub(crate) mod preferences;
pub(crate) mod sessions;
pub(crate) mod setup_links;
pub(crate) mod user_groups;

use engine::ids::Timestamp;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TryInsertResult,
};

use crate::audit::{self, AuditEntry};
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::{token, user_account};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::users::sessions::end_sessions;
use store::Store;

pub use preferences::Preferences;
pub use setup_links::{NewSetupLink, SetupLinks};
pub use user_groups::{GroupChange, UserGroup, UserGroups};

/// The name of the user that the first start makes.
const BOOTSTRAP_USER: &str = "admin";

/// The row of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

/// What a user may do without a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserRole {
    /// Everything.
    Admin,
    /// Nothing.
    Member,
}

/// Whether a user may do anything at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As granted.
    Enabled,
    /// Nothing; every token of the user is revoked.
    Disabled,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its row.
    pub id: UserId,
    /// Unique.
    pub name: String,
    /// What it may do without a grant.
    pub role: UserRole,
    /// Whether it may do anything.
    pub access: Access,
    /// Whether it can log in by password.
    pub has_password: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

impl User {
    fn is_enabled_admin(&self) -> bool {
        self.role == UserRole::Admin && self.access == Access::Enabled
    }
}

/// A user to be created; the name was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Unique.
    pub name: String,
    /// The argon2id hash; none cannot log in by password.
    pub password_hash: Option<String>,
    /// What it may do without a grant.
    pub role: UserRole,
}

/// What changes of a user; none leaves it. Any of these changes but a first password ends the user's sessions and tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserEdit {
    /// The new argon2id hash.
    pub password_hash: Option<String>,
    /// The new role.
    pub role: Option<UserRole>,
    /// Whether it may do anything.
    pub access: Option<Access>,
}

impl UserEdit {
    /// Names what changes, without its value.
    fn summary(&self) -> String {
        let fields = [
            ("password", self.password_hash.is_some()),
            ("role", self.role.is_some()),
            ("access", self.access.is_some()),
        ];
        let names: Vec<_> = fields
            .into_iter()
            .filter(|(_, is_changed)| *is_changed)
            .map(|(name, _)| name)
            .collect();
        names.join(", ")
    }
}

/// What a log-in is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// The argon2id hash; none cannot log in by password.
    pub password_hash: Option<String>,
}

impl From<user_account::Model> for Credentials {
    fn from(row: user_account::Model) -> Self {
        Self {
            user: User {
                id: UserId(row.id),
                name: row.name,
                role: if row.admin {
                    UserRole::Admin
                } else {
                    UserRole::Member
                },
                access: if row.disabled_at.is_some() {
                    Access::Disabled
                } else {
                    Access::Enabled
                },
                has_password: row.password_hash.is_some(),
                created_at: Timestamp(row.created_at),
            },
            password_hash: row.password_hash,
        }
    }
}

/// The users.
#[derive(Debug, Clone, Copy)]
pub struct Users<'a> {
    store: &'a Store,
}

impl<'a> Users<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Creates a user.
    ///
    /// # Errors
    /// `Conflict` with `USER_EXISTS`: take another name.
    pub async fn create(self, new: &NewUser, context: &AuditContext) -> Result<User, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = user_account::ActiveModel {
            name: Set(new.name.clone()),
            password_hash: Set(new.password_hash.clone()),
            admin: Set(new.role == UserRole::Admin),
            created_at: Set(context.at.0),
            ..user_account::ActiveModel::default()
        };
        let inserted = user_account::Entity::insert(row)
            .on_conflict_do_nothing_on([user_account::Column::Name])
            .exec_without_returning(change.on())
            .await?;
        if !matches!(inserted, TryInsertResult::Inserted(1)) {
            let detail = format!("a user `{}` exists already", new.name);
            return Err(CatalogError::conflict("USER_EXISTS", detail));
        }
        let created = read_credentials(change.on(), &new.name)
            .await?
            .ok_or_else(|| missing(&new.name))?;
        change.commit("user.create", "user", &new.name).await?;
        Ok(created.user)
    }

    /// Lists users by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(self, page: &PageRequest) -> Result<Page<User>, CatalogError> {
        let after = page.after::<String>("users")?.unwrap_or_default();
        let rows = user_account::Entity::find()
            .filter(user_account::Column::Name.gt(after))
            .order_by_asc(user_account::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows.into_iter().map(|row| Credentials::from(row).user).collect();
        Ok(Page::cut("users", page, items, |user: &User| user.name.clone()))
    }

    /// Reads a user; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, name: &str) -> Result<Option<User>, CatalogError> {
        let found = read_credentials(self.store.reader(), name).await?;
        Ok(found.map(|credentials| credentials.user))
    }

    /// Reads what a log-in is checked against.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_credentials(self, name: &str) -> Result<Option<Credentials>, CatalogError> {
        read_credentials(self.store.reader(), name).await
    }

    /// Changes a user; a real change but a first password ends the user's sessions and tokens in the same transaction.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `LAST_ADMIN` when no admin would be left.
    pub async fn edit(
        self,
        name: &str,
        edit: &UserEdit,
        context: &AuditContext,
    ) -> Result<User, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        lock_admins(change.on()).await?;
        let before = read_credentials(change.on(), name)
            .await?
            .ok_or_else(|| missing(name))?;
        let mut after = before.clone();
        after.password_hash = edit.password_hash.clone().or(after.password_hash);
        after.user.has_password = after.password_hash.is_some();
        after.user.role = edit.role.unwrap_or(after.user.role);
        after.user.access = edit.access.unwrap_or(after.user.access);
        if after == before {
            return Ok(after.user);
        }
        if !after.user.is_enabled_admin() {
            keep_an_admin(change.on(), &before.user).await?;
        }
        let row = user_account::ActiveModel {
            id: Unchanged(after.user.id.0),
            password_hash: Set(after.password_hash),
            admin: Set(after.user.role == UserRole::Admin),
            disabled_at: Set((after.user.access == Access::Disabled).then_some(context.at.0)),
            ..user_account::ActiveModel::default()
        };
        user_account::Entity::update(row)
            .exec_without_returning(change.on())
            .await?;
        let is_first_password = before.password_hash.is_none()
            && (after.user.role, after.user.access) == (before.user.role, before.user.access);
        if !is_first_password {
            end_sessions(change.on(), after.user.id.0, None).await?;
        }
        let entry = AuditEntry::done("user.edit", "user", name).with_detail(edit.summary());
        change.commit_with(&entry).await?;
        Ok(after.user)
    }

    /// Deletes a user with its tokens and grants.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `LAST_ADMIN`.
    pub async fn delete(self, name: &str, context: &AuditContext) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        lock_admins(change.on()).await?;
        let credentials = read_credentials(change.on(), name).await?;
        let user = credentials.ok_or_else(|| missing(name))?.user;
        keep_an_admin(change.on(), &user).await?;
        // Tokens and grants are deleted with their user.
        user_account::Entity::delete_by_id(user.id.0)
            .exec(change.on())
            .await?;
        change.commit("user.delete", "user", name).await
    }

    /// Whether no token exists and no user can log in: the first start.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn is_empty(self) -> Result<bool, CatalogError> {
        let reader = self.store.reader();
        let token = token::Entity::find().limit(1).one(reader).await?;
        let password = user_account::Entity::find()
            .filter(user_account::Column::PasswordHash.is_not_null())
            .limit(1)
            .one(reader)
            .await?;
        Ok(token.is_none() && password.is_none())
    }

    /// Makes sure that the user `admin` exists and holds the token of this hash; again does nothing.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn ensure_admin(self, token_hash: &str, at: Timestamp) -> Result<(), CatalogError> {
        let transaction = self.store.begin().await?;
        let user = user_account::ActiveModel {
            name: Set(BOOTSTRAP_USER.to_owned()),
            admin: Set(true),
            created_at: Set(at.0),
            ..user_account::ActiveModel::default()
        };
        let user = user_account::Entity::insert(user)
            .on_conflict_do_nothing_on([user_account::Column::Name])
            .exec_without_returning(&transaction)
            .await?;
        let admin = read_credentials(&transaction, BOOTSTRAP_USER)
            .await?
            .ok_or_else(|| missing(BOOTSTRAP_USER))?
            .user;
        let token = token::ActiveModel {
            name: Set("bootstrap".to_owned()),
            user_id: Set(admin.id.0),
            hash: Set(token_hash.to_owned()),
            kind: Set("api".to_owned()),
            created_at: Set(at.0),
            ..token::ActiveModel::default()
        };
        let token = token::Entity::insert(token)
            .on_conflict_do_nothing_on([token::Column::Hash])
            .exec_without_returning(&transaction)
            .await?;
        let inserted = |result| matches!(result, TryInsertResult::Inserted(1));
        if inserted(user) || inserted(token) {
            let entry = AuditEntry::done("user.bootstrap", "user", BOOTSTRAP_USER);
            audit::append(&transaction, &entry, &AuditContext::system(at)).await?;
        }
        Ok(self.store.commit(transaction).await?)
    }
}

fn missing(name: &str) -> CatalogError {
    CatalogError::not_found(format!("user `{name}`"))
}

/// Orders changes of admins, so that two of them cannot each remove the other.
async fn lock_admins<C: ConnectionTrait>(on: &C) -> Result<(), CatalogError> {
    user_account::Entity::find()
        .filter(user_account::Column::Admin.eq(true))
        .order_by_asc(user_account::Column::Id)
        .lock(LockType::Update)
        .all(on)
        .await?;
    Ok(())
}

/// Refuses what would leave no enabled admin.
async fn keep_an_admin<C: ConnectionTrait>(on: &C, without: &User) -> Result<(), CatalogError> {
    if !without.is_enabled_admin() {
        return Ok(());
    }
    let other = user_account::Entity::find()
        .filter(user_account::Column::Admin.eq(true))
        .filter(user_account::Column::DisabledAt.is_null())
        .filter(user_account::Column::Id.ne(without.id.0))
        .limit(1)
        .one(on)
        .await?;
    if other.is_some() {
        return Ok(());
    }
    let detail = format!("`{}` is the last user who may do everything", without.name);
    Err(CatalogError::conflict("LAST_ADMIN", detail))
}

async fn read_credentials<C: ConnectionTrait>(
    on: &C,
    name: &str,
) -> Result<Option<Credentials>, CatalogError> {
    let row = user_account::Entity::find()
        .filter(user_account::Column::Name.eq(name))
        .one(on)
        .await?;
    Ok(row.map(Credentials::from))
}
