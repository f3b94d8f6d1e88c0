//! Users are those who may log in or hold tokens.

use engine::ids::Timestamp;

use sea_orm::{ConnectionTrait, QueryResult};

use super::audit::{self, AuditEntry};
use super::{Catalog, CatalogError, Page, PageRequest, Request, sql};

const COLUMNS: &str = "id, name, admin, password_hash, created_at, disabled_at";

/// The row of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

/// What a user may do without a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
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
    pub role: Role,
    /// Whether it may do anything.
    pub access: Access,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A user to be created; the name was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Unique.
    pub name: String,
    /// The argon2id hash; none cannot log in by password.
    pub password_hash: Option<String>,
    /// What it may do without a grant.
    pub role: Role,
}

/// What changes of a user; none leaves it. Any of these changes revokes the user's tokens and sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserEdit {
    /// The new argon2id hash.
    pub password_hash: Option<String>,
    /// The new role.
    pub role: Option<Role>,
    /// Whether it may do anything.
    pub access: Option<Access>,
}

/// What a log-in is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// The argon2id hash; none cannot log in by password.
    pub password_hash: Option<String>,
}

impl Catalog {
    /// Creates a user.
    ///
    /// # Errors
    /// `Conflict` with `USER_EXISTS`: take another name.
    pub async fn create_user(&self, new: &NewUser, request: &Request) -> Result<User, CatalogError> {
        let change = self.change(request).await?;
        let row = sql::first(
            &change.tx,
            format!(
                "INSERT INTO user_account (name, password_hash, admin, created_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (name) DO NOTHING RETURNING {COLUMNS}"
            ),
            vec![
                new.name.clone().into(),
                new.password_hash.clone().into(),
                (new.role == Role::Admin).into(),
                request.at.0.into(),
            ],
        )
        .await?;
        let Some(row) = row else {
            return Err(CatalogError::Conflict {
                code: "USER_EXISTS",
                detail: format!("a user `{}` exists already", new.name),
            });
        };
        change.commit("user.create", "user", &new.name).await?;
        Ok(credentials_row(&row)?.user)
    }

    /// Lists users by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn users(&self, page: &PageRequest) -> Result<Page<User>, CatalogError> {
        let after = page.after::<String>("users")?.unwrap_or_default();
        let rows = sql::all(
            self.reader(),
            format!("SELECT {COLUMNS} FROM user_account WHERE name > $1 ORDER BY name LIMIT $2"),
            vec![after.into(), page.rows().into()],
        )
        .await?;
        let user = |row| credentials_row(row).map(|credentials| credentials.user);
        let items = rows.iter().map(user).collect::<Result<_, _>>()?;
        Ok(Page::cut("users", page, items, |user: &User| user.name.clone()))
    }

    /// Reads a user; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn user(&self, name: &str) -> Result<Option<User>, CatalogError> {
        let found = read(self.reader(), name).await?;
        Ok(found.map(|credentials| credentials.user))
    }

    /// Reads what a log-in is checked against.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn credentials(&self, name: &str) -> Result<Option<Credentials>, CatalogError> {
        read(self.reader(), name).await
    }

    /// Changes a user; a real change revokes the user's tokens and sessions in the same transaction.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `LAST_ADMIN` when nobody who may do everything would be left.
    pub async fn edit_user(
        &self,
        name: &str,
        edit: &UserEdit,
        request: &Request,
    ) -> Result<User, CatalogError> {
        let change = self.change(request).await?;
        lock_admins(&change.tx).await?;
        let before = read(&change.tx, name).await?.ok_or_else(|| missing(name))?;
        let mut after = before.clone();
        after.password_hash = edit.password_hash.clone().or(after.password_hash);
        after.user.role = edit.role.unwrap_or(after.user.role);
        after.user.access = edit.access.unwrap_or(after.user.access);
        if after == before {
            return Ok(after.user);
        }
        if !after.user.may_do_all() {
            keep_an_admin(&change.tx, &before.user).await?;
        }
        let disabled_at = (after.user.access == Access::Disabled).then_some(request.at.0);
        sql::run(
            &change.tx,
            "UPDATE user_account SET password_hash = $2, admin = $3, disabled_at = $4 WHERE id = $1",
            vec![
                after.user.id.0.into(),
                after.password_hash.clone().into(),
                (after.user.role == Role::Admin).into(),
                disabled_at.into(),
            ],
        )
        .await?;
        let revoke = "DELETE FROM token WHERE user_id = $1";
        sql::run(&change.tx, revoke, vec![after.user.id.0.into()]).await?;
        let entry = AuditEntry::done("user.edit", "user", name).with_detail(edit.summary());
        change.commit_with(&entry).await?;
        Ok(after.user)
    }

    /// Deletes a user with its tokens and grants.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `LAST_ADMIN`.
    pub async fn delete_user(&self, name: &str, request: &Request) -> Result<(), CatalogError> {
        let change = self.change(request).await?;
        lock_admins(&change.tx).await?;
        let user = read(&change.tx, name).await?.ok_or_else(|| missing(name))?.user;
        keep_an_admin(&change.tx, &user).await?;
        // Tokens and grants go with their user.
        sql::run(
            &change.tx,
            "DELETE FROM user_account WHERE id = $1",
            vec![user.id.0.into()],
        )
        .await?;
        change.commit("user.delete", "user", name).await
    }

    /// Whether nobody holds a token and nobody can log in: the first start.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn is_empty(&self) -> Result<bool, CatalogError> {
        let someone = sql::first(
            self.reader(),
            "SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM token) \
             OR EXISTS (SELECT 1 FROM user_account WHERE password_hash IS NOT NULL)",
            Vec::new(),
        )
        .await?;
        Ok(someone.is_none())
    }

    /// Makes sure that the user `admin` exists and holds the token of this hash; again does nothing.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn ensure_admin(&self, token_hash: &str, at: Timestamp) -> Result<(), CatalogError> {
        let tx = self.begin().await?;
        let made = sql::run(
            &tx,
            "INSERT INTO user_account (name, admin, created_at) VALUES ('admin', TRUE, $1) \
             ON CONFLICT (name) DO NOTHING",
            vec![at.0.into()],
        )
        .await?;
        let given = sql::run(
            &tx,
            "INSERT INTO token (name, user_id, hash, kind, created_at) \
             SELECT 'bootstrap', id, $1, 'api', $2 FROM user_account WHERE name = 'admin' \
             ON CONFLICT (hash) DO NOTHING",
            vec![token_hash.into(), at.0.into()],
        )
        .await?;
        if made + given > 0 {
            let entry = AuditEntry::done("user.bootstrap", "user", "admin");
            audit::append(&tx, &entry, &Request::of_the_node(at)).await?;
        }
        Ok(self.store.commit(tx).await?)
    }
}

impl User {
    fn may_do_all(&self) -> bool {
        self.role == Role::Admin && self.access == Access::Enabled
    }
}

impl UserEdit {
    /// Names what changes, without its value.
    fn summary(&self) -> String {
        let named = [
            ("password", self.password_hash.is_some()),
            ("role", self.role.is_some()),
            ("access", self.access.is_some()),
        ];
        let names: Vec<_> = named
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| name)
            .collect();
        names.join(", ")
    }
}

/// Says that there is no user of this name.
pub(super) fn missing(name: &str) -> CatalogError {
    CatalogError::NotFound {
        what: format!("user `{name}`"),
    }
}

/// Puts changes of admins in a row, so that two of them cannot each remove the other.
async fn lock_admins<C: ConnectionTrait>(on: &C) -> Result<(), CatalogError> {
    let lock = sql::lock(on, " FOR UPDATE");
    sql::all(
        on,
        format!("SELECT id FROM user_account WHERE admin ORDER BY id{lock}"),
        Vec::new(),
    )
    .await?;
    Ok(())
}

/// Refuses what would leave nobody who may do everything.
async fn keep_an_admin<C: ConnectionTrait>(on: &C, without: &User) -> Result<(), CatalogError> {
    let other = sql::first(
        on,
        "SELECT 1 AS one FROM user_account WHERE admin AND disabled_at IS NULL AND id <> $1 LIMIT 1",
        vec![without.id.0.into()],
    )
    .await?;
    if other.is_some() || !without.may_do_all() {
        return Ok(());
    }
    Err(CatalogError::Conflict {
        code: "LAST_ADMIN",
        detail: format!("`{}` is the last user who may do everything", without.name),
    })
}

async fn read<C: ConnectionTrait>(on: &C, name: &str) -> Result<Option<Credentials>, CatalogError> {
    let sql = format!("SELECT {COLUMNS} FROM user_account WHERE name = $1");
    let row = sql::first(on, sql, vec![name.into()]).await?;
    row.as_ref().map(credentials_row).transpose()
}

fn credentials_row(row: &QueryResult) -> Result<Credentials, CatalogError> {
    let disabled_at: Option<i64> = sql::get(row, "disabled_at")?;
    Ok(Credentials {
        user: User {
            id: UserId(sql::get(row, "id")?),
            name: sql::get(row, "name")?,
            role: Role::from_admin_column(sql::get(row, "admin")?),
            access: if disabled_at.is_some() {
                Access::Disabled
            } else {
                Access::Enabled
            },
            created_at: Timestamp(sql::get(row, "created_at")?),
        },
        password_hash: sql::get(row, "password_hash")?,
    })
}

impl Role {
    /// Reads the column `admin`.
    pub(super) fn from_admin_column(admin: bool) -> Self {
        if admin { Self::Admin } else { Self::Member }
    }
}
