//! How stored things look in answers: ids are strings, times are RFC 3339 in UTC with milliseconds.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use engine::ids::Millis;
use serde::Serialize;
use utoipa::ToSchema;

use store::catalog as stored;

/// Writes an instant.
pub(super) fn time(at: Millis) -> String {
    DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn maybe_time(at: Option<Millis>) -> Option<String> {
    at.map(time)
}

fn names<K: ToString + Ord, V: Clone>(map: &BTreeMap<K, V>) -> BTreeMap<String, V> {
    map.iter()
        .map(|(key, value)| (key.to_string(), value.clone()))
        .collect()
}

/// What started an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trigger {
    /// For example `api`.
    r#type: String,
}

/// Set when the system gave up on an instance and needs a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Attention {
    /// Stable, upper snake.
    code: String,
    /// What happened and what helps.
    detail: String,
}

/// How many tasks are in which state.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaskCounts {
    /// All tasks.
    total: u32,
    /// States without a task are absent.
    by_state: BTreeMap<String, u32>,
}

/// One run of a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Instance {
    /// A growing decimal number.
    id: String,
    project: String,
    workflow: String,
    /// The pinned version of the workflow.
    version: i64,
    /// `queued`, `running`, `pausing`, `paused`, `stopping`, `stopped`, `failed` or `succeeded`.
    state: String,
    /// Why it waits or rests.
    reason: Option<String>,
    attention: Option<Attention>,
    /// Counts its starts, from 1.
    run: u32,
    trigger: Trigger,
    params: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
    /// The address of the master that owns it; null at rest.
    host: Option<String>,
    /// The life of that master; null at rest.
    owner: Option<String>,
    /// Grows by one with each change of owner.
    epoch: i64,
    priority: String,
    failure_strategy: String,
    /// No processes: every task succeeds at once.
    dry_run: bool,
    requested_by: String,
    scheduled_at: Option<String>,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    tasks: TaskCounts,
}

impl From<stored::InstanceRow> for Instance {
    fn from(row: stored::InstanceRow) -> Self {
        Self {
            id: row.id.to_string(),
            project: row.project,
            workflow: row.workflow,
            version: row.version,
            state: row.state.to_string(),
            reason: row.reason,
            attention: row.attention.map(|attention| Attention {
                code: attention.code,
                detail: attention.detail,
            }),
            run: row.run.0,
            trigger: Trigger { r#type: row.trigger },
            params: row.params,
            outputs: row.outputs,
            host: row.host,
            owner: row.owner.map(|owner| owner.to_string()),
            epoch: row.epoch.0,
            priority: row.priority.to_string(),
            failure_strategy: row.failure_strategy.to_string(),
            dry_run: row.dry_run,
            requested_by: row.requested_by,
            scheduled_at: maybe_time(row.scheduled_at),
            created_at: time(row.created_at),
            started_at: maybe_time(row.started_at),
            ended_at: maybe_time(row.ended_at),
            tasks: TaskCounts {
                total: row.tasks.total,
                by_state: names(&row.tasks.by_state),
            },
        }
    }
}

/// One task inside one instance.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Task {
    name: String,
    r#type: String,
    state: String,
    /// Why it waits or rests.
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
            started_at: maybe_time(row.started_at),
            ended_at: maybe_time(row.ended_at),
            outputs: row.outputs,
        }
    }
}

/// One try of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Attempt {
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
            started_at: maybe_time(row.started_at),
            ended_at: maybe_time(row.ended_at),
        }
    }
}

/// One task with its attempts, first to last.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaskDetail {
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

/// One stored step of an instance or of one of its tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryEntry {
    at: String,
    /// The state before; null at birth.
    from: Option<String>,
    to: String,
    why: String,
    /// Absent for the instance's own steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempt: Option<u32>,
    /// The address of the master that stored it.
    host: Option<String>,
    epoch: i64,
}

impl From<stored::HistoryEntry> for HistoryEntry {
    fn from(entry: stored::HistoryEntry) -> Self {
        Self {
            at: time(entry.at),
            from: entry.from,
            to: entry.to,
            why: entry.why,
            task: entry.task,
            attempt: entry.attempt.map(|attempt| attempt.0),
            host: entry.host,
            epoch: entry.epoch.0,
        }
    }
}

/// One change to a new owner.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OwnerEntry {
    epoch: i64,
    owner: String,
    host: String,
    /// The owner's address before; null when the instance was at rest.
    from_host: Option<String>,
    at: String,
    why: String,
}

/// Who owns an instance, and who did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ownership {
    /// `owned`, `moving`, `unowned` or `final`.
    state: String,
    host: Option<String>,
    owner: Option<String>,
    epoch: i64,
    /// Oldest first.
    log: Vec<OwnerEntry>,
}

impl From<stored::Ownership> for Ownership {
    fn from(ownership: stored::Ownership) -> Self {
        let entry = |entry: stored::OwnerEntry| OwnerEntry {
            epoch: entry.epoch.0,
            owner: entry.owner.to_string(),
            host: entry.host,
            from_host: entry.from_host,
            at: time(entry.at),
            why: entry.why.to_string(),
        };
        Self {
            state: ownership.state.as_str().to_owned(),
            host: ownership.host,
            owner: ownership.owner.map(|owner| owner.to_string()),
            epoch: ownership.epoch.0,
            log: ownership.log.into_iter().map(entry).collect(),
        }
    }
}

/// An accepted control operation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Operation {
    id: String,
    /// The verb, for example `pause`.
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

impl From<stored::Operation> for Operation {
    fn from(row: stored::Operation) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.verb.to_string(),
            instance: row.instance.to_string(),
            task: row.task,
            outcome: row.outcome.to_string(),
            detail: row.detail,
            requested_by: row.requested_by,
            at: time(row.at),
        }
    }
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Project {
    name: String,
    description: String,
    /// Parameters of every instance in it.
    params: BTreeMap<String, String>,
    created_at: String,
    updated_at: String,
}

impl From<stored::Project> for Project {
    fn from(row: stored::Project) -> Self {
        Self {
            name: row.name,
            description: row.description,
            params: row.params,
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        }
    }
}
