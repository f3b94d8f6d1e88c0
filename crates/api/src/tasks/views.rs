//! Tasks with their attempts in answers.

use std::collections::BTreeMap;

use catalog as stored;
use serde::Serialize;
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
