//! Operations in answers.

use catalog as stored;
use engine::states::OperationStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// An accepted control operation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Operation)]
pub(crate) struct OperationView {
    id: String,
    /// The command, for example `pause`, or `retention`, `bulk` or `secret_rotation`.
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
    #[serde(flatten)]
    bulk: BulkProgress,
}

/// How far an operation on many instances is; other operations have none of it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct BulkProgress {
    /// How many instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// With how many it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<u64>,
    /// With how many it could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<u64>,
    /// The first 200 of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<BulkItem>>,
}

/// An instance with which it could not be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkItem {
    instance: String,
    /// `refused`.
    outcome: String,
    /// Why.
    detail: String,
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
            bulk: BulkProgress::default(),
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
            bulk: BulkProgress::default(),
        }
    }
}

impl From<stored::SecretRotation> for OperationView {
    fn from(row: stored::SecretRotation) -> Self {
        let detail = match &row.refusal {
            Some(refusal) => refusal.clone(),
            None => format!("encrypted {} values under the key {}", row.rotated, row.key),
        };
        Self {
            id: row.operation_id(),
            kind: "secret_rotation".to_owned(),
            instance: None,
            task: None,
            outcome: row.outcome.to_string(),
            detail: Some(detail),
            requested_by: row.requested_by,
            at: format_time(row.created_at),
            bulk: BulkProgress::default(),
        }
    }
}

impl From<stored::BulkOperation> for OperationView {
    fn from(row: stored::BulkOperation) -> Self {
        let (operation_id, decided) = (row.operation_id(), row.applied + row.refused);
        let detail = format!("{}: {decided} of {} instances", row.verb.as_str(), row.total);
        let items = row.refusals.into_iter().map(|refusal| BulkItem {
            instance: refusal.instance.to_string(),
            outcome: OperationStatus::Refused.to_string(),
            detail: refusal.detail,
        });
        Self {
            id: operation_id,
            kind: "bulk".to_owned(),
            instance: None,
            task: None,
            outcome: row.outcome.to_string(),
            detail: Some(detail),
            requested_by: row.requested_by,
            at: format_time(row.created_at),
            bulk: BulkProgress {
                total: Some(row.total),
                applied: Some(row.applied),
                refused: Some(row.refused),
                items: Some(items.collect()),
            },
        }
    }
}
