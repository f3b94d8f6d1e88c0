//! Users are those who may log in or hold tokens.

use engine::ids::Millis;

use super::{Catalog, CatalogError, Page, PageRequest, Request};

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
    pub created_at: Millis,
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
        self.later()
    }

    /// Lists users by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn users(&self, page: &PageRequest) -> Result<Page<User>, CatalogError> {
        self.later()
    }

    /// Reads a user; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn user(&self, name: &str) -> Result<Option<User>, CatalogError> {
        self.later()
    }

    /// Reads what a log-in is checked against.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn credentials(&self, name: &str) -> Result<Option<Credentials>, CatalogError> {
        self.later()
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
        self.later()
    }

    /// Deletes a user with its tokens and grants.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `LAST_ADMIN`.
    pub async fn delete_user(&self, name: &str, request: &Request) -> Result<(), CatalogError> {
        self.later()
    }

    /// Whether nobody holds a token and nobody can log in: the first start.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn is_empty(&self) -> Result<bool, CatalogError> {
        self.later()
    }

    /// Makes sure that the user `admin` exists and holds the token of this hash; again does nothing.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn ensure_admin(&self, token_hash: &str, at: Millis) -> Result<(), CatalogError> {
        self.later()
    }
}
