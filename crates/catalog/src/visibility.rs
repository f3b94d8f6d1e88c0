//! Which projects a user may see in lists.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition};

use crate::entity::project_grant;
use crate::users::UserId;

/// Which projects a list may show; lists filter by it in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisibilityScope {
    /// All, for an admin.
    All,
    /// Those that this user has a grant on.
    GrantedTo(UserId),
}

impl VisibilityScope {
    /// Narrows a query to these projects; `column` is the project's id.
    pub(crate) fn condition(self, column: impl ColumnTrait) -> Condition {
        match self {
            Self::All => Condition::all(),
            Self::GrantedTo(user) => {
                let granted = Query::select()
                    .column(project_grant::Column::ProjectId)
                    .from(project_grant::Entity)
                    .and_where(project_grant::Column::UserId.eq(user.0))
                    .to_owned();
                Condition::all().add(column.in_subquery(granted))
            }
        }
    }
}
