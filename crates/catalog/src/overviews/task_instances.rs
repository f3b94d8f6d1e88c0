//! The tasks of all instances that have an attempt, the last started first.
//!
//! The order is that of first attempts, which never changes: pages neither skip nor repeat a task, whatever happens to
//! it. One page looks at a bounded number of tasks, so that a filter that nothing matches costs no more than another.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::ids::{InstanceId, TaskIndex, Timestamp};
use engine::plan::Plan;
use engine::start::Start;
use engine::states::{InstanceState, TaskState};
use engine::view::{DisplayState, display_state};
use ports::DefinitionStore as _;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, Order, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait,
};

use crate::columns::{narrow, parse_json, parse_name};
use crate::entity::{attempt, instance, project, task_instance, workflow};
use crate::error::CatalogError;
use crate::instance_filter::{InstanceFilter, TimeRange};
use crate::overviews::task_list_key::{ListKey, is_after, key_columns, key_values};
use crate::page::{Page, PageRequest};
use crate::tasks::{TaskRow, find_child};
use store::Store;

/// Tasks that are looked at with one statement.
const WINDOW: u64 = 2_000;

/// Windows of one page at most.
const WINDOWS: usize = 10;

/// The name of the list in its cursors.
const LIST: &str = "task-instances";

/// Which tasks are wanted; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskInstanceFilter {
    /// Of which instances.
    pub instances: InstanceFilter,
    /// The task's name.
    pub task: Option<String>,
    /// One of these states as they are shown; empty means any.
    pub states: Vec<TaskState>,
    /// The node name of the last attempt's worker.
    pub worker: Option<String>,
    /// When the first attempt was made.
    pub started: TimeRange,
}

/// A task with its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskInstanceRow {
    /// The instance.
    pub instance: InstanceId,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The task.
    pub task: TaskRow,
}

/// A stored task with the names around it.
#[derive(FromQueryResult)]
struct FoundTask {
    #[sea_orm(nested)]
    task: task_instance::Model,
    first_at: i64,
    worker_name: Option<String>,
    instance_state: String,
    workflow_id: i64,
    version: i64,
    project_name: String,
    workflow_name: String,
}

impl FoundTask {
    fn key(&self) -> ListKey {
        ListKey {
            created_at: self.first_at,
            instance: self.task.instance,
            task_index: self.task.task_index,
        }
    }
}

/// The tasks of all instances.
#[derive(Debug, Clone, Copy)]
pub struct TaskInstances<'a> {
    store: &'a Store,
}

impl<'a> TaskInstances<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists tasks with an attempt, the last started first. A page may hold fewer than were asked for, and still have a
    /// next one.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        filter: &TaskInstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<TaskInstanceRow>, CatalogError> {
        let mut after: Option<ListKey> = page.after(LIST)?.or(filter.before_newest());
        let Some(condition) = filter.instances.condition(self.store).await? else {
            return Ok(Page::with_cursor(LIST, Vec::new(), None::<ListKey>));
        };
        let condition = filter.add_task(condition);
        let mut reader = PageReader {
            store: self.store,
            plans: BTreeMap::new(),
            items: Vec::new(),
        };
        for _ in 0..WINDOWS {
            let Some(last) = self.last_of_window(filter, after).await? else {
                return Ok(Page::with_cursor(LIST, reader.items, None::<ListKey>));
            };
            let window = self.read_window(&condition, after, last).await?;
            let full_at = reader.take_window(filter, window, page.size()).await?;
            if full_at.is_some() {
                return Ok(Page::with_cursor(LIST, reader.items, full_at));
            }
            after = Some(last);
        }
        Ok(Page::with_cursor(LIST, reader.items, after))
    }

    /// Finds the last task of the next window; none when nothing follows.
    async fn last_of_window(
        self,
        filter: &TaskInstanceFilter,
        after: Option<ListKey>,
    ) -> Result<Option<ListKey>, CatalogError> {
        let keys: Vec<(i64, i64, i64)> = attempt::Entity::find()
            .select_only()
            .columns([
                attempt::Column::CreatedAt,
                attempt::Column::Instance,
                attempt::Column::TaskIndex,
            ])
            .filter(attempt::Column::Number.eq(1))
            .filter(filter.started_condition())
            .filter(is_after(after, "attempt"))
            .order_by_desc(attempt::Column::CreatedAt)
            .order_by_desc(attempt::Column::Instance)
            .order_by_desc(attempt::Column::TaskIndex)
            .limit(WINDOW)
            .into_tuple()
            .all(self.store.reader())
            .await?;
        let last = keys.last().copied();
        Ok(last.map(|(created_at, instance, task_index)| ListKey {
            created_at,
            instance,
            task_index,
        }))
    }

    /// Reads the wanted tasks after a key, up to another one.
    async fn read_window(
        self,
        condition: &Condition,
        after: Option<ListKey>,
        last: ListKey,
    ) -> Result<Vec<FoundTask>, CatalogError> {
        let (first, latest) = (Alias::new("first"), Alias::new("latest"));
        let of_first = |column: attempt::Column| Expr::col((Alias::new("first"), column));
        let found = task_instance::Entity::find()
            .join_as(
                JoinType::InnerJoin,
                task_instance::Relation::FirstAttempt.def(),
                first,
            )
            .join_as(
                JoinType::LeftJoin,
                task_instance::Relation::LastAttempt.def(),
                latest.clone(),
            )
            .join(JoinType::InnerJoin, task_instance::Relation::Instance.def())
            .join(JoinType::InnerJoin, instance::Relation::Project.def())
            .join(JoinType::InnerJoin, instance::Relation::Workflow.def())
            .expr_as(of_first(attempt::Column::CreatedAt), "first_at")
            .expr_as(Expr::col((latest, attempt::Column::WorkerName)), "worker_name")
            .column_as(instance::Column::State, "instance_state")
            .column_as(instance::Column::WorkflowId, "workflow_id")
            .column_as(instance::Column::Version, "version")
            .column_as(project::Column::Name, "project_name")
            .column_as(workflow::Column::Name, "workflow_name")
            .filter(of_first(attempt::Column::Number).eq(1))
            .filter(is_after(after, "first"))
            .filter(key_columns("first").gte(key_values(last)))
            .filter(condition.clone())
            .order_by(of_first(attempt::Column::CreatedAt), Order::Desc)
            .order_by(of_first(attempt::Column::Instance), Order::Desc)
            .order_by(of_first(attempt::Column::TaskIndex), Order::Desc)
            .into_model::<FoundTask>()
            .all(self.store.reader())
            .await?;
        Ok(found)
    }
}

impl TaskInstanceFilter {
    /// Returns the key before every task that started in time.
    fn before_newest(&self) -> Option<ListKey> {
        self.started.to.map(|to| ListKey {
            created_at: to.0.saturating_add(1),
            instance: 0,
            task_index: 0,
        })
    }

    fn started_condition(&self) -> Condition {
        Condition::all()
            .add_option(
                self.started
                    .from
                    .map(|from| attempt::Column::CreatedAt.gte(from.0)),
            )
            .add_option(self.started.to.map(|to| attempt::Column::CreatedAt.lte(to.0)))
    }

    /// Adds what is wanted of the task's own row. A row that was reset is shown by the state of its instance.
    fn add_task(&self, condition: Condition) -> Condition {
        let worker = self
            .worker
            .as_ref()
            .map(|name| Expr::col((Alias::new("latest"), attempt::Column::WorkerName)).eq(name.as_str()));
        let condition = condition.add_option(worker);
        if self.states.is_empty() {
            return condition;
        }
        let may_start = instance::Column::State
            .is_in([InstanceState::Queued, InstanceState::Running].map(InstanceState::as_str));
        let stored = |state: TaskState| task_instance::Column::State.eq(state.as_str());
        let mut any = Condition::any();
        for state in &self.states {
            any = match state {
                TaskState::Pending => any.add(stored(TaskState::Pending).and(may_start.clone())),
                TaskState::NotRun => any
                    .add(stored(TaskState::NotRun))
                    .add(stored(TaskState::Pending).and(may_start.clone().not())),
                state => any.add(stored(*state)),
            };
        }
        condition.add(any)
    }
}

/// Collects the tasks of a page.
struct PageReader<'a> {
    store: &'a Store,
    /// Of instances whose tasks are shown by more than their row.
    plans: BTreeMap<i64, Arc<Plan>>,
    items: Vec<TaskInstanceRow>,
}

impl PageReader<'_> {
    /// Takes the tasks of a window until the page is full; returns the last of a full page.
    async fn take_window(
        &mut self,
        filter: &TaskInstanceFilter,
        window: Vec<FoundTask>,
        size: usize,
    ) -> Result<Option<ListKey>, CatalogError> {
        for found in window {
            let key = found.key();
            self.take_task(filter, found).await?;
            if self.items.len() == size {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Adds a task, if it has the wanted name.
    async fn take_task(&mut self, filter: &TaskInstanceFilter, found: FoundTask) -> Result<(), CatalogError> {
        let definition = self
            .store
            .load_definition(found.workflow_id, found.version)
            .await?;
        let task_index = TaskIndex(narrow("task_index", found.task.task_index)?);
        let Some(task) = definition.task(task_index) else {
            return Ok(());
        };
        if filter.task.as_ref().is_some_and(|name| *name != task.name) {
            return Ok(());
        }
        let shown = self.display(&found, task_index).await?;
        let row = found.task;
        let parent = (InstanceId(row.instance), task.name.as_str());
        let child = find_child(self.store, parent, row.progress.as_deref()).await?;
        self.items.push(TaskInstanceRow {
            instance: InstanceId(row.instance),
            project: found.project_name,
            workflow: found.workflow_name,
            task: TaskRow {
                ordinal: task_index,
                name: task.name.clone(),
                kind: task.action.type_name(),
                state: shown.state,
                reason: shown.reason,
                attempts: narrow("attempts", row.attempts)?,
                worker: found.worker_name,
                started_at: row.started_at.map(Timestamp),
                ended_at: row.ended_at.map(Timestamp),
                outputs: parse_json("outputs", &row.outputs)?,
                overrides: row
                    .overrides
                    .map(|text| parse_json("overrides", &text))
                    .transpose()?,
                reused: row.reused.map(InstanceId),
                child,
            },
        });
        Ok(())
    }

    async fn display(
        &mut self,
        found: &FoundTask,
        task_index: TaskIndex,
    ) -> Result<DisplayState, CatalogError> {
        let state: TaskState = parse_name("state", &found.task.state)?;
        if !matches!(state, TaskState::Pending | TaskState::NotRun) {
            return Ok(DisplayState {
                state,
                reason: found.task.reason.clone(),
            });
        }
        let plan = self.plan_of(found).await?;
        let instance_state = parse_name("state", &found.instance_state)?;
        let row = (state, found.task.reason.as_deref());
        Ok(display_state(&plan, instance_state, task_index, Some(row)))
    }

    async fn plan_of(&mut self, found: &FoundTask) -> Result<Arc<Plan>, CatalogError> {
        let id = found.task.instance;
        if let Some(known) = self.plans.get(&id) {
            return Ok(Arc::clone(known));
        }
        let start: Option<String> = instance::Entity::find_by_id(id)
            .select_only()
            .column(instance::Column::Start)
            .into_tuple()
            .one(self.store.reader())
            .await?;
        let start: Start = parse_json("start", &start.unwrap_or_default())?;
        let definition = self
            .store
            .load_definition(found.workflow_id, found.version)
            .await?;
        let plan = Arc::new(Plan::new(definition, Arc::new(start)));
        self.plans.insert(id, Arc::clone(&plan));
        Ok(plan)
    }
}
