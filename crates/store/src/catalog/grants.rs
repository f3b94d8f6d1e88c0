//! Grants say what a user may do in a project.

use std::fmt;
use std::str::FromStr;

use sea_orm::Value;

use super::audit::AuditEntry;
use super::{Catalog, CatalogError, ProjectId, Request, UserId, sql, users};

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

impl Permission {
    const ALL: [Self; 3] = [Self::Read, Self::Execute, Self::Write];

    /// Returns the stored and shown name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Execute => "execute",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not one of read, execute, write"))
    }
}

/// Which projects a list may show; lists filter by it in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// All, for an admin.
    All,
    /// Those that this user has a grant on.
    GrantedTo(UserId),
}

impl Visible {
    /// Returns the words that narrow a WHERE to these projects, and adds what they bind.
    pub(super) fn condition(&self, column: &'static str, values: &mut Vec<Value>) -> String {
        match self {
            Self::All => String::new(),
            Self::GrantedTo(user) => {
                values.push(user.0.into());
                let place = values.len();
                format!(" AND {column} IN (SELECT project_id FROM project_grant WHERE user_id = ${place})")
            }
        }
    }
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
        let row = sql::first(
            self.reader(),
            "SELECT permission FROM project_grant WHERE project_id = $1 AND user_id = $2",
            vec![project.0.into(), user.0.into()],
        )
        .await?;
        row.as_ref().map(|row| sql::named(row, "permission")).transpose()
    }

    /// Lists the grants on a project by user name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn grants(&self, project: ProjectId) -> Result<Vec<Grant>, CatalogError> {
        let rows = sql::all(
            self.reader(),
            "SELECT u.name, g.permission FROM project_grant g JOIN user_account u ON u.id = g.user_id \
             WHERE g.project_id = $1 ORDER BY u.name",
            vec![project.0.into()],
        )
        .await?;
        let grant = |row| {
            Ok(Grant {
                user: sql::get(row, "name")?,
                permission: sql::named(row, "permission")?,
            })
        };
        rows.iter().map(grant).collect()
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
        let change = self.change(request).await?;
        let changed = sql::run(
            &change.tx,
            "INSERT INTO project_grant (project_id, user_id, permission) \
             SELECT $1, id, $3 FROM user_account WHERE name = $2 \
             ON CONFLICT (project_id, user_id) DO UPDATE SET permission = excluded.permission",
            vec![
                project.0.into(),
                grant.user.clone().into(),
                grant.permission.as_str().into(),
            ],
        )
        .await?;
        if changed == 0 {
            return Err(users::missing(&grant.user));
        }
        let detail = format!("{} for {}", grant.permission, grant.user);
        let entry = AuditEntry::done("grant.put", "project", &project.0.to_string()).with_detail(detail);
        change.commit_with(&entry).await
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
        let change = self.change(request).await?;
        let changed = sql::run(
            &change.tx,
            "DELETE FROM project_grant WHERE project_id = $1 \
             AND user_id IN (SELECT id FROM user_account WHERE name = $2)",
            vec![project.0.into(), user.into()],
        )
        .await?;
        if changed == 0 {
            return Err(CatalogError::NotFound {
                what: format!("grant for user `{user}`"),
            });
        }
        let entry = AuditEntry::done("grant.delete", "project", &project.0.to_string()).with_detail(user);
        change.commit_with(&entry).await
    }
}
