//! Users in answers.

use catalog::{Access, User, UserRole};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// What a user may do without a grant.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleName {
    /// Everything.
    Admin,
    /// Nothing.
    Member,
}

impl From<RoleName> for UserRole {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
        }
    }
}

impl From<UserRole> for RoleName {
    fn from(role: UserRole) -> Self {
        match role {
            UserRole::Admin => Self::Admin,
            UserRole::Member => Self::Member,
        }
    }
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    name: String,
    role: RoleName,
    /// False: may do nothing.
    enabled: bool,
    /// False: cannot log in by password until a setup link or an administrator sets one.
    has_password: bool,
    created_at: String,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            role: user.role.into(),
            enabled: user.access == Access::Enabled,
            has_password: user.has_password,
            created_at: format_time(user.created_at),
        }
    }
}
