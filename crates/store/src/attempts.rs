//! The rows of tasks and attempts, to and from the engine's types.

use actors::ports::StoreError;
use engine::ids::{AttemptNumber, Epoch, Incarnation, InstanceId, Millis, Ordinal};
use engine::task::{Attempt, Task, Worker};
use sea_orm::{DbBackend, QueryResult};
use serde::Serialize;

use super::rows::{Cells, Column, map_json, source, upsert};

#[derive(Serialize)]
pub(super) struct TaskRow<'a> {
    instance: i64,
    ordinal: u32,
    state: &'static str,
    reason: Option<&'a str>,
    attempts: u32,
    attempts_before_run: u32,
    lost_in_run: u32,
    due_at: Option<i64>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    outputs: String,
}

const TASK: [Column; 11] = [
    ("instance", "bigint"),
    ("ordinal", "bigint"),
    ("state", "text"),
    ("reason", "text"),
    ("attempts", "bigint"),
    ("attempts_before_run", "bigint"),
    ("lost_in_run", "bigint"),
    ("due_at", "bigint"),
    ("started_at", "bigint"),
    ("ended_at", "bigint"),
    ("outputs", "text"),
];

#[derive(Serialize)]
pub(super) struct AttemptRow<'a> {
    instance: i64,
    ordinal: u32,
    number: u32,
    binding: u32,
    uid: Option<String>,
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
}

const ATTEMPT: [Column; 16] = [
    ("instance", "bigint"),
    ("ordinal", "bigint"),
    ("number", "bigint"),
    ("binding", "bigint"),
    ("uid", "text"),
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
];

impl<'a> TaskRow<'a> {
    /// Writes a task as its row.
    pub(super) fn of(instance: InstanceId, ordinal: Ordinal, task: &'a Task) -> Result<Self, StoreError> {
        Ok(Self {
            instance: instance.0,
            ordinal: ordinal.0,
            state: task.state.as_str(),
            reason: task.reason.as_deref(),
            attempts: task.attempts,
            attempts_before_run: task.attempts_before_run,
            lost_in_run: task.lost_in_run,
            due_at: task.due_at.map(|at| at.0),
            started_at: task.started_at.map(|at| at.0),
            ended_at: task.ended_at.map(|at| at.0),
            outputs: map_json(&task.outputs)?,
        })
    }
}

impl<'a> AttemptRow<'a> {
    /// Writes an attempt as its row.
    pub(super) fn of(instance: InstanceId, ordinal: Ordinal, attempt: &'a Attempt) -> Self {
        Self {
            instance: instance.0,
            ordinal: ordinal.0,
            number: attempt.number.0,
            binding: attempt.binding,
            uid: attempt.uid.map(|uid| uid.to_string()),
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
        }
    }
}

pub(super) fn upsert_tasks(backend: DbBackend, filter: &str) -> String {
    upsert(backend, "task_instance", &TASK, &["instance", "ordinal"], filter)
}

pub(super) fn upsert_attempts(backend: DbBackend, filter: &str) -> String {
    upsert(
        backend,
        "attempt",
        &ATTEMPT,
        &["instance", "ordinal", "number"],
        filter,
    )
}

/// Reads every task row of the instances of a list, each instance's in order.
pub(super) fn tasks_of(backend: DbBackend) -> String {
    format!(
        "SELECT instance, ordinal, state, reason, attempts, attempts_before_run, lost_in_run, due_at, started_at, \
         ended_at, outputs FROM task_instance WHERE instance IN ({}) ORDER BY instance, ordinal",
        listed(backend)
    )
}

/// Reads the latest attempt of every task of the instances of a list, and every open one.
pub(super) fn attempts_of(backend: DbBackend) -> String {
    format!(
        "SELECT a.instance, a.ordinal, a.number = t.attempts, a.number, a.binding, a.uid, a.worker, a.worker_name, \
         a.epoch, a.state, a.kill_cause, a.pid, a.exit_code, a.error, a.created_at, a.started_at, a.ended_at \
         FROM attempt a JOIN task_instance t ON t.instance = a.instance AND t.ordinal = a.ordinal \
         WHERE a.instance IN ({}) AND (a.number = t.attempts OR a.state IN ('created', 'running')) \
         ORDER BY a.instance, a.ordinal, a.number",
        listed(backend)
    )
}

/// The ids of a list.
fn listed(backend: DbBackend) -> String {
    format!("SELECT c_id FROM {}", source(backend, &[("c_id", "bigint")]))
}

/// Reads a row of `tasks_of`; its attempt is filled in later.
pub(super) fn read_task(row: &QueryResult) -> Result<(InstanceId, Ordinal, Task), StoreError> {
    let mut cells = Cells::of(row);
    let instance = InstanceId(cells.take()?);
    let ordinal = Ordinal(cells.small()?);
    let task = Task {
        state: cells.name()?,
        reason: cells.take()?,
        attempts: cells.small()?,
        attempts_before_run: cells.small()?,
        lost_in_run: cells.small()?,
        due_at: cells.take::<Option<i64>>()?.map(Millis),
        started_at: cells.take::<Option<i64>>()?.map(Millis),
        ended_at: cells.take::<Option<i64>>()?.map(Millis),
        outputs: cells.json()?,
        attempt: None,
    };
    Ok((instance, ordinal, task))
}

/// Reads a row of `attempts_of`: its task, whether it is the latest, and the attempt.
pub(super) fn read_attempt(row: &QueryResult) -> Result<(InstanceId, Ordinal, bool, Attempt), StoreError> {
    let mut cells = Cells::of(row);
    let instance = InstanceId(cells.take()?);
    let ordinal = Ordinal(cells.small()?);
    let latest = cells.take()?;
    let number = AttemptNumber(cells.small()?);
    let binding = cells.small()?;
    let uid = cells.optional_name()?;
    let incarnation = cells.take::<Option<i64>>()?.map(Incarnation);
    let name = cells.take::<Option<String>>()?;
    let attempt = Attempt {
        number,
        binding,
        uid,
        worker: incarnation
            .zip(name)
            .map(|(incarnation, name)| Worker { incarnation, name }),
        epoch: Epoch(cells.take()?),
        state: cells.name()?,
        kill_cause: cells.optional_name()?,
        pid: cells.take()?,
        exit_code: cells
            .take::<Option<i64>>()?
            .and_then(|code| i32::try_from(code).ok()),
        error: cells.take()?,
        created_at: Millis(cells.take()?),
        started_at: cells.take::<Option<i64>>()?.map(Millis),
        ended_at: cells.take::<Option<i64>>()?.map(Millis),
    };
    Ok((instance, ordinal, latest, attempt))
}
