//! Grants say what a user may do in a project.

use super::{Catalog, CatalogError, ProjectId, Request, UserId};

/// What a user may do in a project; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// See.
    Read,
    /// Start and control instances.
    Execute,
    /// Change workflows.
    Write,
}

/// Which projects a list may show; lists filter by it in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// All, for an admin.
    All,
    /// Those that this user has a grant on.
    GrantedTo(UserId),
}

/// One user's grant on a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user's name.
    pub user: String,
    /// What it may do.
    pub permission: Permission,
}

impl Catalog {
    /// Says what a user may do in a project; none: nothing. Admins are not looked up here.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn permission(
        &self,
        user: UserId,
        project: ProjectId,
    ) -> Result<Option<Permission>, CatalogError> {
        self.later()
    }

    /// Lists the grants on a project by user name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn grants(&self, project: ProjectId) -> Result<Vec<Grant>, CatalogError> {
        self.later()
    }

    /// Grants, or changes a grant.
    ///
    /// # Errors
    /// `NotFound`: there is no such user.
    pub async fn put_grant(
        &self,
        project: ProjectId,
        grant: &Grant,
        request: &Request,
    ) -> Result<(), CatalogError> {
        self.later()
    }

    /// Takes a grant back.
    ///
    /// # Errors
    /// `NotFound`: there is none.
    pub async fn delete_grant(
        &self,
        project: ProjectId,
        user: &str,
        request: &Request,
    ) -> Result<(), CatalogError> {
        self.later()
    }
}
