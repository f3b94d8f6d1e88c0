//! Tasks and attempts as readers see them.

mod children;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use engine::ids::{AttemptNumber, DispatchId, InstanceId, TaskIndex, Timestamp};
use engine::overrides::TaskOverrides;
use engine::plan::{Plan, task_indices};
use engine::start::Start;
use engine::states::{AttemptState, InstanceState, TaskState};
use engine::trigger::TriggerType;
use engine::view;
use ports::DefinitionStore as _;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
};

use crate::columns::{narrow, parse_json, parse_name};
use crate::entity::{attempt, instance, task_instance};
use crate::error::CatalogError;
use crate::instances::missing_instance;
use crate::page::{Page, PageRequest};
use crate::tasks::children::read_fan_out;
use crate::workflows::{PinnedDefinition, WorkflowId};
use store::Store;

pub(crate) use children::find_child;
pub use children::{ChildRow, ChildState, Children};

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
    /// Why it waits or is idle, in words.
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
    /// The instance that its last attempt started, or took over; of tasks that start one.
    pub child: Option<InstanceId>,
    /// What a person changed of it.
    pub overrides: Option<TaskOverrides>,
    /// The instance whose result was taken over.
    pub reused: Option<InstanceId>,
}

/// One attempt as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// From 1.
    pub number: AttemptNumber,
    /// The id of its dispatch; none while it has no worker.
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
    /// The size of its log; none while it is open, and where it is not known.
    pub log_bytes: Option<u64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its process started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl TryFrom<attempt::Model> for AttemptRow {
    type Error = CatalogError;

    fn try_from(row: attempt::Model) -> Result<Self, CatalogError> {
        let id = row.dispatch_id.map(|id| parse_name("dispatch_id", &id));
        let exit_code = row.exit_code.map(|code| narrow("exit_code", code));
        let log_bytes = row.log_bytes.map(|bytes| narrow("log_bytes", bytes));
        Ok(Self {
            number: AttemptNumber(narrow("number", row.number)?),
            uid: id.transpose()?,
            state: parse_name("state", &row.state)?,
            worker: row.worker_name,
            pid: row.pid,
            exit_code: exit_code.transpose()?,
            error: row.error,
            log_bytes: log_bytes.transpose()?,
            created_at: Timestamp(row.created_at),
            started_at: row.started_at.map(Timestamp),
            ended_at: row.ended_at.map(Timestamp),
        })
    }
}

/// A task with its attempts, first to last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDetail {
    /// The task.
    pub task: TaskRow,
    /// Its attempts.
    pub attempts: Vec<AttemptRow>,
}

/// What of an instance decides how its tasks are shown.
struct InstanceSnapshot {
    workflow: WorkflowId,
    version: i64,
    state: InstanceState,
    plan: Plan,
}

/// A stored task with the worker of its last attempt.
#[derive(FromQueryResult)]
struct TaskWithWorker {
    #[sea_orm(nested)]
    task: task_instance::Model,
    worker_name: Option<String>,
}

/// A stored task with its columns parsed.
struct StoredTask {
    state: TaskState,
    reason: Option<String>,
    attempts: u32,
    worker: Option<String>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    outputs: BTreeMap<String, String>,
    /// The first attempt whose child belongs to the last one.
    since: Option<AttemptNumber>,
    child: Option<InstanceId>,
    overrides: Option<TaskOverrides>,
    reused: Option<InstanceId>,
}

impl InstanceSnapshot {
    fn task_row(&self, ordinal: TaskIndex, stored: Option<&StoredTask>) -> Option<TaskRow> {
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
            child: stored.and_then(|stored| stored.child),
            overrides: stored.and_then(|stored| stored.overrides.clone()),
            reused: stored.and_then(|stored| stored.reused),
        })
    }
}

impl TryFrom<TaskWithWorker> for StoredTask {
    type Error = CatalogError;

    fn try_from(row: TaskWithWorker) -> Result<Self, CatalogError> {
        Ok(Self {
            state: parse_name("state", &row.task.state)?,
            reason: row.task.reason,
            attempts: narrow("attempts", row.task.attempts)?,
            worker: row.worker_name,
            started_at: row.task.started_at.map(Timestamp),
            ended_at: row.task.ended_at.map(Timestamp),
            outputs: parse_json("outputs", &row.task.outputs)?,
            since: read_fan_out(row.task.progress.as_deref())?.map(|fan_out| fan_out.since),
            child: None,
            overrides: row
                .task
                .overrides
                .map(|text| parse_json("overrides", &text))
                .transpose()?,
            reused: row.task.reused.map(InstanceId),
        })
    }
}

/// The tasks of instances.
#[derive(Debug, Clone, Copy)]
pub struct Tasks<'a> {
    store: &'a Store,
}

impl<'a> Tasks<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    pub(crate) fn store(self) -> &'a Store {
        self.store
    }

    /// Lists the tasks of an instance in the order of the definition.
    ///
    /// # Errors
    /// `NotFound`: there is no such instance. `Rejected`: the cursor is none of ours.
    pub async fn list(self, id: InstanceId, page: &PageRequest) -> Result<Page<TaskRow>, CatalogError> {
        let from = page
            .after::<u32>("tasks")?
            .map_or(0, |last| last.saturating_add(1));
        let snapshot = self.snapshot(id).await?;
        let total = u32::try_from(snapshot.plan.definition.tasks.len()).unwrap_or(u32::MAX);
        let until = from
            .saturating_add(u32::try_from(page.rows()).unwrap_or(u32::MAX))
            .min(total);
        let stored = self.stored_tasks(id, &snapshot, from..until).await?;
        let items = (from..until)
            .filter_map(|ordinal| snapshot.task_row(TaskIndex(ordinal), stored.get(&TaskIndex(ordinal))))
            .collect();
        Ok(Page::cut("tasks", page, items, |task: &TaskRow| {
            task.ordinal.to_string()
        }))
    }

    /// Lists every task of an instance, beside what it runs.
    ///
    /// # Errors
    /// `NotFound`: there is no such instance.
    pub async fn list_all(self, id: InstanceId) -> Result<(PinnedDefinition, Vec<TaskRow>), CatalogError> {
        let snapshot = self.snapshot(id).await?;
        let stored = self.stored_tasks(id, &snapshot, 0..u32::MAX).await?;
        let tasks = task_indices(snapshot.plan.definition.tasks.len())
            .filter_map(|ordinal| snapshot.task_row(ordinal, stored.get(&ordinal)))
            .collect();
        let pinned = PinnedDefinition {
            workflow: snapshot.workflow,
            version: snapshot.version,
            definition: snapshot.plan.definition,
        };
        Ok((pinned, tasks))
    }

    /// Reads one task with its attempts.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn find(self, id: InstanceId, name: &str) -> Result<TaskDetail, CatalogError> {
        let snapshot = self.snapshot(id).await?;
        let missing = || CatalogError::not_found(format!("task `{name}` in instance {id}"));
        let ordinal = snapshot.plan.definition.task_index_of(name).ok_or_else(missing)?;
        let stored = self.stored_tasks(id, &snapshot, ordinal.0..ordinal.0 + 1).await?;
        let task = snapshot
            .task_row(ordinal, stored.get(&ordinal))
            .ok_or_else(missing)?;
        let rows = attempt::Entity::find()
            .filter(attempt::Column::Instance.eq(id.0))
            .filter(attempt::Column::TaskIndex.eq(i64::from(ordinal.0)))
            .order_by_asc(attempt::Column::Number)
            .all(self.store.reader())
            .await?;
        let attempts = rows
            .into_iter()
            .map(AttemptRow::try_from)
            .collect::<Result<_, _>>()?;
        Ok(TaskDetail { task, attempts })
    }

    async fn snapshot(self, id: InstanceId) -> Result<InstanceSnapshot, CatalogError> {
        let row = instance::Entity::find_by_id(id.0)
            .one(self.store.reader())
            .await?
            .ok_or_else(|| missing_instance(id))?;
        let start: Start = parse_json("start", &row.start)?;
        let definition = self.store.load_definition(row.workflow_id, row.version).await?;
        Ok(InstanceSnapshot {
            workflow: WorkflowId(row.workflow_id),
            version: row.version,
            state: parse_name("state", &row.state)?,
            plan: Plan::new(definition, Arc::new(start)),
        })
    }

    /// Reads the stored tasks of a range.
    async fn stored_tasks(
        self,
        id: InstanceId,
        snapshot: &InstanceSnapshot,
        range: Range<u32>,
    ) -> Result<BTreeMap<TaskIndex, StoredTask>, CatalogError> {
        let rows = task_instance::Entity::find()
            .join(JoinType::LeftJoin, task_instance::Relation::LastAttempt.def())
            .column(attempt::Column::WorkerName)
            .filter(task_instance::Column::Instance.eq(id.0))
            .filter(task_instance::Column::TaskIndex.gte(i64::from(range.start)))
            .filter(task_instance::Column::TaskIndex.lt(i64::from(range.end)))
            .into_model::<TaskWithWorker>()
            .all(self.store.reader())
            .await?;
        let mut stored = rows
            .into_iter()
            .map(|row| {
                let ordinal = TaskIndex(narrow("task_index", row.task.task_index)?);
                Ok((ordinal, StoredTask::try_from(row)?))
            })
            .collect::<Result<BTreeMap<_, _>, CatalogError>>()?;
        if stored.values().any(|task| task.since.is_some()) {
            self.add_children(id, snapshot, &mut stored).await?;
        }
        Ok(stored)
    }

    /// Adds the instances that `sub_workflow` tasks started.
    async fn add_children(
        self,
        id: InstanceId,
        snapshot: &InstanceSnapshot,
        stored: &mut BTreeMap<TaskIndex, StoredTask>,
    ) -> Result<(), CatalogError> {
        let rows: Vec<(i64, Option<String>, Option<i64>)> = instance::Entity::find()
            .select_only()
            .columns([
                instance::Column::Id,
                instance::Column::ParentTask,
                instance::Column::ParentAttempt,
            ])
            .filter(instance::Column::Parent.eq(id.0))
            .filter(instance::Column::TriggerType.eq(TriggerType::SubWorkflow.as_str()))
            .order_by_asc(instance::Column::ParentAttempt)
            .into_tuple()
            .all(self.store.reader())
            .await?;
        for (child, task, attempt) in rows {
            let task_index = task.and_then(|task| snapshot.plan.definition.task_index_of(&task));
            let Some(stored) = task_index.and_then(|task_index| stored.get_mut(&task_index)) else {
                continue;
            };
            let first = stored.since.map(|since| i64::from(since.0));
            if first.is_some() && attempt >= first {
                stored.child = Some(InstanceId(child));
            }
        }
        Ok(())
    }
}
