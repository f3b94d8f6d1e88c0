//! Whose tasks may name a connection.

use sea_orm::{ColumnTrait, Condition};

use crate::entity::connection;
use crate::projects::ProjectId;

/// Whose tasks may name a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionOwner {
    /// Those of one project; its own goes before a shared one of the same name.
    Project(ProjectId),
    /// Those of the projects that it is granted to.
    Shared,
}

impl ConnectionOwner {
    /// Returns the owner that a row names.
    pub(super) fn of_row(row: &connection::Model) -> Self {
        row.project_id
            .map_or(Self::Shared, |project| Self::Project(ProjectId(project)))
    }

    /// Returns the row of the project.
    pub(super) fn project(self) -> Option<i64> {
        match self {
            Self::Project(project) => Some(project.0),
            Self::Shared => None,
        }
    }

    /// Returns the condition for its connections.
    pub(super) fn condition(self) -> Condition {
        Condition::all().add(match self.project() {
            Some(project) => connection::Column::ProjectId.eq(project),
            None => connection::Column::ProjectId.is_null(),
        })
    }
}
