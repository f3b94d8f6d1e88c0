//! Projects in answers.

use std::collections::BTreeMap;

use catalog as stored;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub(crate) struct ProjectView {
    name: String,
    description: String,
    /// Parameters of every instance in it.
    params: BTreeMap<String, String>,
    created_at: String,
    updated_at: String,
}

impl From<stored::Project> for ProjectView {
    fn from(row: stored::Project) -> Self {
        Self {
            name: row.name,
            description: row.description,
            params: row.params,
            created_at: format_time(row.created_at),
            updated_at: format_time(row.updated_at),
        }
    }
}
