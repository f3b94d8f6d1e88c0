//! Tasks and attempts as readers see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::ids::{AttemptNumber, DispatchId, InstanceId, TaskIndex, Timestamp};
use engine::states::{AttemptState, InstanceState, TaskState};

use engine::plan::Plan;
use engine::start::Start;
use engine::view;
use sea_orm::QueryResult;

use super::{Catalog, CatalogError, Page, PageRequest, instances, sql};

/// One task instance as it is shown, also when it never started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// Its place in the definition.
    pub ordinal: TaskIndex,
    /// Its name.
    pub name: String,
    /// The name of its type.
    pub kind: &'static str,
    /// Its state.
    pub state: TaskState,
    /// Why it waits or rests, in words.
    pub reason: Option<String>,
    /// The highest attempt number.
    pub attempts: u32,
    /// The node name of the last attempt.
    pub worker: Option<String>,
    /// The start of the first attempt.
    pub started_at: Option<Timestamp>,
    /// The end of the last attempt.
    pub ended_at: Option<Timestamp>,
    /// What it set.
    pub outputs: BTreeMap<String, String>,
}

/// One attempt as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// From 1.
    pub number: AttemptNumber,
    /// Its binding; none while it has no worker.
    pub uid: Option<DispatchId>,
    /// Its state.
    pub state: AttemptState,
    /// The node name of its worker.
    pub worker: Option<String>,
    /// The process id on that worker.
    pub pid: Option<i64>,
    /// Exit code, or HTTP status.
    pub exit_code: Option<i32>,
    /// Why it did not succeed, in words.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its process started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A task with its attempts, first to last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDetail {
    /// The task.
    pub task: TaskRow,
    /// Its attempts.
    pub attempts: Vec<AttemptRow>,
}

impl Catalog {
    /// Lists the tasks of an instance in the order of the definition.
    ///
    /// # Errors
    /// `NotFound`: there is no such instance. `Rejected`: the cursor is none of ours.
    pub async fn tasks(&self, id: InstanceId, page: &PageRequest) -> Result<Page<TaskRow>, CatalogError> {
        let from = page
            .after::<u32>("tasks")?
            .map_or(0, |last| last.saturating_add(1));
        let seen = self.seen(id).await?;
        let total = u32::try_from(seen.plan.definition.tasks.len()).unwrap_or(u32::MAX);
        let until = from
            .saturating_add(u32::try_from(page.rows()).unwrap_or(u32::MAX))
            .min(total);
        let stored = self.task_rows(id, from, until).await?;
        let items = (from..until)
            .filter_map(|ordinal| seen.task_row(TaskIndex(ordinal), stored.get(&TaskIndex(ordinal))))
            .collect();
        Ok(Page::cut("tasks", page, items, |task: &TaskRow| {
            task.ordinal.to_string()
        }))
    }

    /// Reads one task with its attempts.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn task(&self, id: InstanceId, name: &str) -> Result<TaskDetail, CatalogError> {
        let seen = self.seen(id).await?;
        let missing = || CatalogError::NotFound {
            what: format!("task `{name}` in instance {id}"),
        };
        let ordinal = seen.plan.definition.task_index_of(name).ok_or_else(missing)?;
        let stored = self.task_rows(id, ordinal.0, ordinal.0 + 1).await?;
        let task = seen.task_row(ordinal, stored.get(&ordinal)).ok_or_else(missing)?;
        let rows = sql::all(
            self.reader(),
            "SELECT number, uid, state, worker_name, pid, exit_code, error, created_at, started_at, ended_at \
             FROM attempt WHERE instance = $1 AND ordinal = $2 ORDER BY number",
            vec![id.0.into(), i64::from(ordinal.0).into()],
        )
        .await?;
        let attempts = rows.iter().map(attempt_row).collect::<Result<_, _>>()?;
        Ok(TaskDetail { task, attempts })
    }
}

/// An instance as far as its tasks need it to be shown.
struct Seen {
    state: InstanceState,
    plan: Plan,
}

/// One stored task row with the worker of its last attempt.
struct Stored {
    state: TaskState,
    reason: Option<String>,
    attempts: u32,
    worker: Option<String>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    outputs: BTreeMap<String, String>,
}

impl Seen {
    fn task_row(&self, ordinal: TaskIndex, stored: Option<&Stored>) -> Option<TaskRow> {
        let task = self.plan.definition.task(ordinal)?;
        let row = stored.map(|stored| (stored.state, stored.reason.as_deref()));
        let shown = view::display_state(&self.plan, self.state, ordinal, row);
        Some(TaskRow {
            ordinal,
            name: task.name.clone(),
            kind: task.action.type_name(),
            state: shown.state,
            reason: shown.reason,
            attempts: stored.map_or(0, |stored| stored.attempts),
            worker: stored.and_then(|stored| stored.worker.clone()),
            started_at: stored.and_then(|stored| stored.started_at),
            ended_at: stored.and_then(|stored| stored.ended_at),
            outputs: stored.map(|stored| stored.outputs.clone()).unwrap_or_default(),
        })
    }
}

impl Catalog {
    async fn seen(&self, id: InstanceId) -> Result<Seen, CatalogError> {
        let sql = "SELECT state, start, workflow_id, version FROM instance WHERE id = $1";
        let row = sql::first(self.reader(), sql, vec![id.0.into()]).await?;
        let row = row.ok_or_else(|| instances::missing(id))?;
        let start: Start = sql::json(&row, "start")?;
        let (workflow, version) = (sql::get(&row, "workflow_id")?, sql::get(&row, "version")?);
        let definition = self.store.load_definition(workflow, version).await?;
        Ok(Seen {
            state: sql::named(&row, "state")?,
            plan: Plan::new(definition, Arc::new(start)),
        })
    }

    /// Reads the stored rows from one place up to, and without, another.
    async fn task_rows(
        &self,
        id: InstanceId,
        from: u32,
        until: u32,
    ) -> Result<BTreeMap<TaskIndex, Stored>, CatalogError> {
        let rows = sql::all(
            self.reader(),
            "SELECT t.ordinal, t.state, t.reason, t.attempts, t.started_at, t.ended_at, t.outputs, a.worker_name \
             FROM task_instance t LEFT JOIN attempt a \
             ON a.instance = t.instance AND a.ordinal = t.ordinal AND a.number = t.attempts \
             WHERE t.instance = $1 AND t.ordinal >= $2 AND t.ordinal < $3",
            vec![id.0.into(), i64::from(from).into(), i64::from(until).into()],
        )
        .await?;
        rows.iter().map(stored_row).collect()
    }
}

fn stored_row(row: &QueryResult) -> Result<(TaskIndex, Stored), CatalogError> {
    let stored = Stored {
        state: sql::named(row, "state")?,
        reason: sql::get(row, "reason")?,
        attempts: sql::count(row, "attempts")?,
        worker: sql::get(row, "worker_name")?,
        started_at: sql::get::<Option<i64>>(row, "started_at")?.map(Timestamp),
        ended_at: sql::get::<Option<i64>>(row, "ended_at")?.map(Timestamp),
        outputs: sql::json(row, "outputs")?,
    };
    Ok((TaskIndex(sql::count(row, "ordinal")?), stored))
}

fn attempt_row(row: &QueryResult) -> Result<AttemptRow, CatalogError> {
    let uid: Option<String> = sql::get(row, "uid")?;
    let uid = uid.map(|uid| uid.parse()).transpose();
    let exit_code: Option<i64> = sql::get(row, "exit_code")?;
    let exit_code = exit_code.map(i32::try_from).transpose();
    Ok(AttemptRow {
        number: AttemptNumber(sql::count(row, "number")?),
        uid: uid.map_err(|error| sql::unreadable("uid", error))?,
        state: sql::named(row, "state")?,
        worker: sql::get(row, "worker_name")?,
        pid: sql::get(row, "pid")?,
        exit_code: exit_code.map_err(|error| sql::unreadable("exit_code", error))?,
        error: sql::get(row, "error")?,
        created_at: Timestamp(sql::get(row, "created_at")?),
        started_at: sql::get::<Option<i64>>(row, "started_at")?.map(Timestamp),
        ended_at: sql::get::<Option<i64>>(row, "ended_at")?.map(Timestamp),
    })
}
