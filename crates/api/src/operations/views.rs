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
    /// The command, for example `pause`, or `retention`.
    kind: String,
    /// Of commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// For commands about one task.
    task: Option<String>,
    /// `pending`, `applied` or `refused`.
    outcome: String,
    /// Why it was refused; of a deletion what was deleted.
    detail: Option<String>,
    requested_by: String,
    at: String,
}

impl From<stored::Operation> for OperationView {
    fn from(row: stored::Operation) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.command.to_string(),
            instance: Some(row.instance.to_string()),
            task: row.task,
            outcome: row.outcome.to_string(),
            detail: row.detail,
            requested_by: row.requested_by,
            at: format_time(row.at),
        }
    }
}

impl From<stored::RetentionRun> for OperationView {
    fn from(row: stored::RetentionRun) -> Self {
        let detail = format!("deleted {} instances, {} rows", row.instances, row.rows);
        Self {
            id: row.operation_id(),
            kind: "retention".to_owned(),
            instance: None,
            task: None,
            outcome: row.outcome.to_string(),
            detail: Some(detail),
            requested_by: row.requested_by,
            at: format_time(row.created_at),
        }
    }
}
