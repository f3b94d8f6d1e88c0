//! Silences in requests and answers.

use catalog as stored;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// A silence to be stored; all that is given must match.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutSilence {
    /// Only alerts of this project; without it every alert, which needs an operator.
    pub(crate) project: Option<String>,
    /// Only alerts of workflows of this name.
    pub(crate) workflow: Option<String>,
    /// Only this event, for example `failed`.
    pub(crate) event: Option<String>,
    /// When it ends, RFC 3339 with an offset; at most a year ahead.
    #[schema(format = DateTime)]
    pub(crate) until: String,
    /// Why, for people.
    pub(crate) reason: String,
}

/// A silence: what matches it is stored as `silenced` and not sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Silence)]
pub(crate) struct SilenceView {
    name: String,
    project: Option<String>,
    workflow: Option<String>,
    event: Option<String>,
    until: String,
    reason: String,
    created_at: String,
    updated_at: String,
    updated_by: String,
}

impl From<stored::StoredSilence> for SilenceView {
    fn from(row: stored::StoredSilence) -> Self {
        Self {
            name: row.name,
            project: row.project.map(|(_, name)| name),
            workflow: row.silence.workflow,
            event: row.silence.event,
            until: format_time(row.silence.until),
            reason: row.silence.reason,
            created_at: format_time(row.created_at),
            updated_at: format_time(row.updated_at),
            updated_by: row.updated_by,
        }
    }
}
