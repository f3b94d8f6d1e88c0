//! The rows of tasks and attempts, to and from the engine's types.

use engine::ids::{AttemptNumber, Epoch, Incarnation, InstanceId, TaskIndex, Timestamp};
use engine::task::{Attempt, Task, Worker};
use engine::task_type::WatchKind;
use ports::StoreError;
use sea_orm::{DbBackend, QueryResult};
use serde::Serialize;

use crate::batch_sql::{Column, json, map_json, source, upsert};
use crate::row_reader::RowReader;

#[derive(Serialize)]
pub(crate) struct TaskColumns<'a> {
    instance: i64,
    task_index: u32,
    state: &'static str,
    reason: Option<&'a str>,
    attempts: u32,
    attempts_before_run: u32,
    lost_in_run: u32,
    expired_waits: u32,
    due_at: Option<i64>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    outputs: String,
    progress: Option<String>,
    waits_on: Option<&'static str>,
    overrides: Option<String>,
    reused: Option<i64>,
}

const TASK: [Column; 16] = [
    ("instance", "bigint"),
    ("task_index", "bigint"),
    ("state", "text"),
    ("reason", "text"),
    ("attempts", "bigint"),
    ("attempts_before_run", "bigint"),
    ("lost_in_run", "bigint"),
    ("expired_waits", "bigint"),
    ("due_at", "bigint"),
    ("started_at", "bigint"),
    ("ended_at", "bigint"),
    ("outputs", "text"),
    ("progress", "text"),
    ("waits_on", "text"),
    ("overrides", "text"),
    ("reused", "bigint"),
];

#[derive(Serialize)]
pub(crate) struct AttemptColumns<'a> {
    instance: i64,
    task_index: u32,
    number: u32,
    dispatch_number: u32,
    dispatch_id: Option<String>,
    worker: Option<i64>,
    worker_name: Option<&'a str>,
    epoch: i64,
    state: &'static str,
    kill_cause: Option<&'static str>,
    pid: Option<i64>,
    exit_code: Option<i32>,
    error: Option<&'a str>,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    log_bytes: Option<u64>,
}

const ATTEMPT: [Column; 17] = [
    ("instance", "bigint"),
    ("task_index", "bigint"),
    ("number", "bigint"),
    ("dispatch_number", "bigint"),
    ("dispatch_id", "text"),
    ("worker", "bigint"),
    ("worker_name", "text"),
    ("epoch", "bigint"),
    ("state", "text"),
    ("kill_cause", "text"),
    ("pid", "bigint"),
    ("exit_code", "bigint"),
    ("error", "text"),
    ("created_at", "bigint"),
    ("started_at", "bigint"),
    ("ended_at", "bigint"),
    ("log_bytes", "bigint"),
];

impl<'a> TaskColumns<'a> {
    /// Writes a task as its row.
    pub(crate) fn new(instance: InstanceId, ordinal: TaskIndex, task: &'a Task) -> Result<Self, StoreError> {
        Ok(Self {
            instance: instance.0,
            task_index: ordinal.0,
            state: task.state.as_str(),
            reason: task.reason.as_deref(),
            attempts: task.attempts,
            attempts_before_run: task.attempts_before_run,
            lost_in_run: task.lost_in_run,
            expired_waits: task.expired_waits,
            due_at: task.due_at.map(|at| at.0),
            started_at: task.started_at.map(|at| at.0),
            ended_at: task.ended_at.map(|at| at.0),
            outputs: map_json(&task.outputs)?,
            progress: task.progress.as_ref().map(json).transpose()?,
            waits_on: task.waits_on().map(WatchKind::as_str),
            overrides: task.overrides.as_ref().map(json).transpose()?,
            reused: task.reused.map(|id| id.0),
        })
    }
}

impl<'a> AttemptColumns<'a> {
    /// Writes an attempt as its row.
    pub(crate) fn new(instance: InstanceId, ordinal: TaskIndex, attempt: &'a Attempt) -> Self {
        Self {
            instance: instance.0,
            task_index: ordinal.0,
            number: attempt.number.0,
            dispatch_number: attempt.dispatch_number,
            dispatch_id: attempt.uid.map(|id| id.to_string()),
            worker: attempt.worker.as_ref().map(|w| w.incarnation.0),
            worker_name: attempt.worker.as_ref().map(|w| w.name.as_str()),
            epoch: attempt.epoch.0,
            state: attempt.state.as_str(),
            kill_cause: attempt.kill_cause.map(|cause| cause.as_str()),
            pid: attempt.pid,
            exit_code: attempt.exit_code,
            error: attempt.error.as_deref(),
            created_at: attempt.created_at.0,
            started_at: attempt.started_at.map(|at| at.0),
            ended_at: attempt.ended_at.map(|at| at.0),
            log_bytes: attempt.log_bytes,
        }
    }
}

pub(crate) fn upsert_tasks(backend: DbBackend, filter: &str) -> String {
    upsert(
        backend,
        "task_instance",
        &TASK,
        &["instance", "task_index"],
        filter,
    )
}

pub(crate) fn upsert_attempts(backend: DbBackend, filter: &str) -> String {
    upsert(
        backend,
        "attempt",
        &ATTEMPT,
        &["instance", "task_index", "number"],
        filter,
    )
}

/// Reads every task row of the instances of a list, each instance's in order.
pub(crate) fn tasks_of(backend: DbBackend) -> String {
    format!(
        "SELECT instance, task_index, state, reason, attempts, attempts_before_run, lost_in_run, expired_waits, due_at, \
         started_at, ended_at, outputs, progress, overrides, reused FROM task_instance WHERE instance IN ({}) \
         ORDER BY instance, task_index",
        listed_ids(backend)
    )
}

/// Reads the latest attempt of every task of the instances of a list, and every open one.
pub(crate) fn attempts_of(backend: DbBackend) -> String {
    format!(
        "SELECT a.instance, a.task_index, a.number = t.attempts, a.number, a.dispatch_number, a.dispatch_id, a.worker, a.worker_name, \
         a.epoch, a.state, a.kill_cause, a.pid, a.exit_code, a.error, a.created_at, a.started_at, a.ended_at, \
         a.log_bytes \
         FROM attempt a JOIN task_instance t ON t.instance = a.instance AND t.task_index = a.task_index \
         WHERE a.instance IN ({}) AND (a.number = t.attempts OR a.state IN ('created', 'running')) \
         ORDER BY a.instance, a.task_index, a.number",
        listed_ids(backend)
    )
}

/// Selects the ids of a list.
fn listed_ids(backend: DbBackend) -> String {
    format!("SELECT c_id FROM {}", source(backend, &[("c_id", "bigint")]))
}

/// Reads a row of `tasks_of`; its attempt is added later.
pub(crate) fn read_task(row: &QueryResult) -> Result<(InstanceId, TaskIndex, Task), StoreError> {
    let mut columns = RowReader::new(row);
    let instance = InstanceId(columns.next_value()?);
    let ordinal = TaskIndex(columns.next_u32()?);
    let task = Task {
        state: columns.next_parsed()?,
        reason: columns.next_value()?,
        attempts: columns.next_u32()?,
        attempts_before_run: columns.next_u32()?,
        lost_in_run: columns.next_u32()?,
        expired_waits: columns.next_u32()?,
        due_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
        started_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
        ended_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
        outputs: columns.next_json()?,
        progress: columns.next_optional_json()?,
        overrides: columns.next_optional_json()?.map(Box::new),
        reused: columns.next_value::<Option<i64>>()?.map(InstanceId),
        attempt: None,
    };
    Ok((instance, ordinal, task))
}

/// Reads a row of `attempts_of`: its task, whether it is the latest, and the attempt.
pub(crate) fn read_attempt(row: &QueryResult) -> Result<(InstanceId, TaskIndex, bool, Attempt), StoreError> {
    let mut columns = RowReader::new(row);
    let instance = InstanceId(columns.next_value()?);
    let ordinal = TaskIndex(columns.next_u32()?);
    let latest = columns.next_value()?;
    let number = AttemptNumber(columns.next_u32()?);
    let dispatch_number = columns.next_u32()?;
    let uid = columns.next_optional_parsed()?;
    let incarnation = columns.next_value::<Option<i64>>()?.map(Incarnation);
    let name = columns.next_value::<Option<String>>()?;
    let attempt = Attempt {
        number,
        dispatch_number,
        uid,
        worker: incarnation
            .zip(name)
            .map(|(incarnation, name)| Worker { incarnation, name }),
        epoch: Epoch(columns.next_value()?),
        state: columns.next_parsed()?,
        kill_cause: columns.next_optional_parsed()?,
        pid: columns.next_value()?,
        exit_code: columns
            .next_value::<Option<i64>>()?
            .and_then(|code| i32::try_from(code).ok()),
        error: columns.next_value()?,
        created_at: Timestamp(columns.next_value()?),
        started_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
        ended_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
        log_bytes: columns
            .next_value::<Option<i64>>()?
            .and_then(|bytes| u64::try_from(bytes).ok()),
    };
    Ok((instance, ordinal, latest, attempt))
}
