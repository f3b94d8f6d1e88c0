//! Alerts and rules in requests and answers.

use catalog::{AlertRow, DeliveryRow};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::timestamp::{format_optional_time, format_time};

/// What a rule made of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertView {
    id: String,
    /// The event, as rules name it.
    event: String,
    /// What it is about: an instance, a task of one with its attempt, a fire, a backfill, a node.
    subject: String,
    /// The rule that made it, for example `document/0`.
    rule: String,
    project: Option<String>,
    workflow: Option<String>,
    instance: Option<String>,
    /// When the event occurred.
    at: String,
    /// One sentence.
    text: String,
    /// One for each channel that no rule before named.
    deliveries: Vec<DeliveryView>,
}

/// A message to a channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertDelivery)]
pub(crate) struct DeliveryView {
    id: String,
    channel: String,
    /// `waiting`, `delivered`, `failed` or `silenced`.
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// Why the last try failed.
    last_error: Option<String>,
    /// When it is tried next.
    next_at: Option<String>,
}

impl From<AlertRow> for AlertView {
    fn from(row: AlertRow) -> Self {
        Self {
            id: row.id.to_string(),
            event: row.event,
            subject: row.subject,
            rule: row.rule,
            project: row.project,
            workflow: row.workflow,
            instance: row.instance.map(|id| id.to_string()),
            at: format_time(row.at),
            text: row.text,
            deliveries: row.deliveries.into_iter().map(DeliveryView::from).collect(),
        }
    }
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id.to_string(),
            channel: row.channel,
            state: row.state,
            attempts: row.attempts,
            last_error: row.last_error,
            next_at: format_optional_time(row.next_at),
        }
    }
}

/// The rules of a project or of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleList {
    /// In the order in which they count; their form is that of `notify` in documents.
    #[schema(value_type = Vec<Object>)]
    pub(crate) rules: Value,
}

/// The rules of a project or of the server, to be stored.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
pub(crate) struct PutRules {
    /// In the order in which they count; their form is that of `notify` in documents.
    #[schema(value_type = Vec<Object>)]
    rules: Vec<Value>,
}
