//! Operations in answers.

use catalog as stored;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// An accepted control operation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Operation)]
pub(crate) struct OperationView {
    id: String,
    /// The command, for example `pause`.
    kind: String,
    instance: String,
    /// For `force-success`.
    task: Option<String>,
    /// `pending`, `applied` or `refused`.
    outcome: String,
    /// Why it was refused.
    detail: Option<String>,
    requested_by: String,
    at: String,
}

impl From<stored::Operation> for OperationView {
    fn from(row: stored::Operation) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.command.to_string(),
            instance: row.instance.to_string(),
            task: row.task,
            outcome: row.outcome.to_string(),
            detail: row.detail,
            requested_by: row.requested_by,
            at: format_time(row.at),
        }
    }
}
