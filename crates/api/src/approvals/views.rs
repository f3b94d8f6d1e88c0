//! Approvals in answers.

use catalog as stored;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// A task that waits for a decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Approval)]
pub(crate) struct ApprovalView {
    /// The id of its instance.
    instance: String,
    project: String,
    workflow: String,
    task: String,
    attempt: u32,
    /// What is asked.
    message: String,
    /// What an approval answers, by name: `type`, `required`, `default`.
    #[schema(value_type = Object)]
    inputs: Value,
    /// Users, and groups as `group:NAME`; empty for everyone who may execute.
    approvers: Vec<String>,
    since: String,
    /// When its time limit ends; null without one.
    expires_at: Option<String>,
}

impl From<stored::Approval> for ApprovalView {
    fn from(row: stored::Approval) -> Self {
        Self {
            instance: row.instance.to_string(),
            project: row.project,
            workflow: row.workflow,
            task: row.task,
            attempt: row.attempt.0,
            message: row.message,
            inputs: row.fields.inputs_document(),
            approvers: row.fields.approvers,
            since: format_time(row.since),
            expires_at: row.expires_at.map(format_time),
        }
    }
}
