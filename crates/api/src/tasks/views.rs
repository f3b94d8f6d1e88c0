//! Tasks with their attempts in answers.

use std::collections::BTreeMap;

use catalog as stored;
use engine::overrides::TaskOverrides;
use engine::spec::duration::HumanDuration;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::http::timestamp::format_optional_time;

/// One task inside one instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Task {
    name: String,
    r#type: String,
    state: String,
    /// Why it waits or is idle.
    reason: Option<String>,
    /// The highest attempt number.
    attempts: u32,
    /// The node name of the last attempt.
    worker: Option<String>,
    /// The start of the first attempt.
    started_at: Option<String>,
    /// The end of the last attempt.
    ended_at: Option<String>,
    outputs: BTreeMap<String, String>,
    /// The instance that its last attempt started, or took over; null for tasks that start none, or many.
    child: Option<String>,
    /// What retries changed of it: `params`, `env`, `timeout`, and the script by the key of its type.
    #[schema(value_type = Option<Object>)]
    overrides: Option<Map<String, Value>>,
    /// The id of the instance whose result was taken over.
    reused: Option<String>,
}

/// Shows changed members as a retry gives them.
fn show_overrides(overrides: TaskOverrides) -> Map<String, Value> {
    let mut shown = Map::new();
    if !overrides.params.is_empty() {
        shown.insert("params".to_owned(), json!(overrides.params));
    }
    if !overrides.env.is_empty() {
        shown.insert("env".to_owned(), json!(overrides.env));
    }
    if let Some(ms) = overrides.timeout_ms {
        shown.insert("timeout".to_owned(), json!(HumanDuration(ms).to_string()));
    }
    let scripts = overrides.scripts.into_iter();
    shown.extend(scripts.map(|(key, script)| (key, Value::from(script))));
    shown
}

impl From<stored::TaskRow> for Task {
    fn from(row: stored::TaskRow) -> Self {
        Self {
            name: row.name,
            r#type: row.kind.to_owned(),
            state: row.state.to_string(),
            reason: row.reason,
            attempts: row.attempts,
            worker: row.worker,
            started_at: format_optional_time(row.started_at),
            ended_at: format_optional_time(row.ended_at),
            outputs: row.outputs,
            child: row.child.map(|child| child.to_string()),
            overrides: row.overrides.map(show_overrides),
            reused: row.reused.map(|id| id.to_string()),
        }
    }
}

/// One try of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attempt {
    attempt: u32,
    /// Names the delivery to its worker; null while it has none.
    uid: Option<String>,
    state: String,
    worker: Option<String>,
    pid: Option<i64>,
    /// Exit code of the process, or the HTTP status.
    exit_code: Option<i32>,
    error: Option<String>,
    /// The size of its log; null while it is open, and where its worker could not say.
    log_bytes: Option<u64>,
    started_at: Option<String>,
    ended_at: Option<String>,
}

impl From<stored::AttemptRow> for Attempt {
    fn from(row: stored::AttemptRow) -> Self {
        Self {
            attempt: row.number.0,
            uid: row.uid.map(|uid| uid.to_string()),
            state: row.state.to_string(),
            worker: row.worker,
            pid: row.pid,
            exit_code: row.exit_code,
            error: row.error,
            log_bytes: row.log_bytes,
            started_at: format_optional_time(row.started_at),
            ended_at: format_optional_time(row.ended_at),
        }
    }
}

/// One task with its attempts, first to last.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskDetail {
    #[serde(flatten)]
    task: Task,
    attempt_list: Vec<Attempt>,
}

impl From<stored::TaskDetail> for TaskDetail {
    fn from(detail: stored::TaskDetail) -> Self {
        Self {
            task: detail.task.into(),
            attempt_list: detail.attempts.into_iter().map(Attempt::from).collect(),
        }
    }
}
