//! Whose tasks may name a limit.

use sea_orm::{ColumnTrait, Condition};

use crate::entity::named_limit;
use crate::projects::ProjectId;

/// Whose tasks may name a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitOwner {
    /// Those of one project; its own goes before a shared one of the same name.
    Project(ProjectId),
    /// Those of all projects.
    Shared,
}

impl LimitOwner {
    /// Returns the row of the project.
    pub(super) fn project(self) -> Option<i64> {
        match self {
            Self::Project(project) => Some(project.0),
            Self::Shared => None,
        }
    }

    /// Returns the condition for its limits.
    pub(super) fn condition(self) -> Condition {
        Condition::all().add(match self.project() {
            Some(project) => named_limit::Column::ProjectId.eq(project),
            None => named_limit::Column::ProjectId.is_null(),
        })
    }

    /// Writes the condition for the limit `l`.
    pub(super) fn to_sql(self) -> String {
        match self.project() {
            Some(project) => format!("l.project_id = {project}"),
            None => "l.project_id IS NULL".to_owned(),
        }
    }
}
