//! Groups of users in requests and answers.

use catalog::UserGroup;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// A group to be stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutGroup {
    /// Names of users.
    #[schema(max_items = 1000)]
    pub(crate) members: Vec<String>,
}

/// A group of users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Group)]
pub(crate) struct GroupView {
    name: String,
    /// Names of users, in their order.
    members: Vec<String>,
    created_at: String,
}

impl From<UserGroup> for GroupView {
    fn from(group: UserGroup) -> Self {
        Self {
            name: group.name,
            members: group.members.into_iter().collect(),
            created_at: format_time(group.created_at),
        }
    }
}
