//! Whose rules may name a channel.

use sea_orm::{ColumnTrait, Condition};

use crate::entity::channel;
use crate::projects::ProjectId;

/// Whose rules may name a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOwner {
    /// Those of one project; its own goes before a shared one of the same name.
    Project(ProjectId),
    /// Those of all projects, and of the server.
    Shared,
}

impl ChannelOwner {
    /// Makes it of a column.
    pub(crate) fn from_column(project: Option<i64>) -> Self {
        project.map_or(Self::Shared, |project| Self::Project(ProjectId(project)))
    }

    /// Returns the row of the project.
    pub fn project(self) -> Option<i64> {
        match self {
            Self::Project(project) => Some(project.0),
            Self::Shared => None,
        }
    }

    /// Returns the condition for its channels.
    pub(super) fn condition(self) -> Condition {
        Condition::all().add(match self.project() {
            Some(project) => channel::Column::ProjectId.eq(project),
            None => channel::Column::ProjectId.is_null(),
        })
    }

    /// Returns the condition for the channels that its rules may name.
    pub(super) fn usable_condition(self) -> Condition {
        let shared = Condition::any().add(channel::Column::ProjectId.is_null());
        match self.project() {
            Some(project) => shared.add(channel::Column::ProjectId.eq(project)),
            None => shared,
        }
    }
}
