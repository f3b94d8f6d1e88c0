//! Instances as readers see them.

mod continuation;
pub(crate) mod deletion;
mod edit;
mod start;

use std::collections::BTreeMap;

use engine::ids::{Epoch, Incarnation, InstanceId, Run, Timestamp};
use engine::spec::Definition;
use engine::states::{Attention, FailureStrategy, InstanceState, Priority, TaskState};
use engine::timezone::Tz;
use engine::trigger::Trigger;
use engine::view;
use ports::DefinitionStore as _;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait, Select,
};
use serde_json::{Value, json};

use crate::columns::{narrow, parse_json, parse_name};
use crate::entity::{instance, instance_label, member, project, task_instance, workflow};
use crate::error::CatalogError;
use crate::instance_filter::{InstanceFilter, LabelFilter};
use crate::instance_trigger::read_trigger;
use crate::instances::start::read_start;
use crate::page::{Page, PageRequest};
use crate::projects::ProjectId;
use store::Store;

pub use continuation::Continuation;
pub use deletion::DeleteOutcome;
pub use edit::InstanceEdit;

/// How many tasks are in which state; states without a task are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskCounts {
    /// All tasks of the version.
    pub total: u32,
    /// The sum of these is `total`.
    pub by_state: BTreeMap<TaskState, u32>,
}

/// One instance as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Its id.
    pub id: InstanceId,
    /// The project's row, for the check of permissions.
    pub project_id: ProjectId,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The pinned version.
    pub version: i64,
    /// Its state.
    pub state: InstanceState,
    /// Why it waits or is idle, in words.
    pub reason: Option<String>,
    /// Set when it needs a person.
    pub attention: Option<Attention>,
    /// Counts its starts.
    pub run: Run,
    /// What started it.
    pub trigger: Trigger,
    /// Declared defaults, overlaid by the parameters of the start.
    pub params: BTreeMap<String, String>,
    /// Filled when it ends.
    pub outputs: BTreeMap<String, String>,
    /// The owner's address; none while it is idle.
    pub host: Option<String>,
    /// The owner; none while it is idle.
    pub owner: Option<Incarnation>,
    /// Grows at each change of owner.
    pub epoch: Epoch,
    /// Who goes first.
    pub priority: Priority,
    /// What a final failure means for the others.
    pub failure_strategy: FailureStrategy,
    /// No processes: every task succeeds at once.
    pub dry_run: bool,
    /// The base of time parameters, if not the creation.
    pub scheduled_at: Option<Timestamp>,
    /// The zone of time parameters.
    pub timezone: Tz,
    /// The workflow's at the start, overlaid by the start's, unless a user replaced them.
    pub labels: BTreeMap<String, String>,
    /// What a user noted about it.
    pub note: Option<String>,
    /// The instance whose results it took over.
    pub continued_from: Option<InstanceId>,
    /// The user for whom it was started; none for a schedule.
    pub requested_by: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it first started.
    pub started_at: Option<Timestamp>,
    /// When it last ended; none while not final.
    pub ended_at: Option<Timestamp>,
    /// What it was started with, as it was asked for.
    pub start: Value,
    /// Its tasks by shown state.
    pub tasks: TaskCounts,
}

/// An instance with the names around it.
#[derive(FromQueryResult)]
struct InstanceWithNames {
    #[sea_orm(nested)]
    instance: instance::Model,
    project_name: String,
    workflow_name: String,
    owner_name: Option<String>,
    owner_state: Option<String>,
}

/// The stored tasks of an instance in one state.
#[derive(FromQueryResult)]
struct StateCount {
    instance: i64,
    state: String,
    number: i64,
}

/// The stored tasks of several instances by state.
type CountsByInstance = BTreeMap<i64, BTreeMap<TaskState, u32>>;

/// The workflow instances.
#[derive(Debug, Clone, Copy)]
pub struct Instances<'a> {
    store: &'a Store,
}

impl<'a> Instances<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Reads one instance; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, id: InstanceId) -> Result<Option<InstanceRow>, CatalogError> {
        let query = select_with_names().filter(instance::Column::Id.eq(id.0));
        Ok(self.read(query).await?.pop())
    }

    /// Lists instances, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<Page<InstanceRow>, CatalogError> {
        let before = page.after::<i64>("instances")?.unwrap_or(i64::MAX);
        let items = match filter.condition(self.store).await? {
            Some(condition) => {
                let query = select_before(before, filter.label.as_ref()).filter(condition);
                self.read(query.limit(page.rows())).await?
            }
            None => Vec::new(),
        };
        Ok(Page::cut("instances", page, items, |row: &InstanceRow| {
            row.id.to_string()
        }))
    }

    /// Reads in which project an instance is; the cheap look-up for the check of permissions.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn project_of(self, id: InstanceId) -> Result<Option<ProjectId>, CatalogError> {
        let project: Option<i64> = instance::Entity::find_by_id(id.0)
            .select_only()
            .column(instance::Column::ProjectId)
            .into_tuple()
            .one(self.store.reader())
            .await?;
        Ok(project.map(ProjectId))
    }

    /// Lists the ids of wanted instances, the lowest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list_ids(
        self,
        filter: &InstanceFilter,
        limit: u64,
    ) -> Result<Vec<InstanceId>, CatalogError> {
        let Some(condition) = filter.condition(self.store).await? else {
            return Ok(Vec::new());
        };
        let mut query = instance::Entity::find()
            .select_only()
            .column(instance::Column::Id);
        if let Some(label) = &filter.label {
            query = query
                .join(JoinType::InnerJoin, instance::Relation::Label.def())
                .filter(instance_label::Column::Name.eq(&label.name))
                .filter(instance_label::Column::Value.eq(&label.value));
        }
        let ids: Vec<i64> = query
            .filter(condition)
            .order_by_asc(instance::Column::Id)
            .limit(limit)
            .into_tuple()
            .all(self.store.reader())
            .await?;
        Ok(ids.into_iter().map(InstanceId).collect())
    }

    /// Reads the instances of a query, the task counts of all in a second one.
    async fn read(self, query: Select<instance::Entity>) -> Result<Vec<InstanceRow>, CatalogError> {
        let reader = self.store.reader();
        let rows = query.into_model::<InstanceWithNames>().all(reader).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.instance.id).collect();
        let mut counts = count_by_state(reader, &ids).await?;
        let mut instances = Vec::with_capacity(rows.len());
        for row in rows {
            let (workflow, version) = (row.instance.workflow_id, row.instance.version);
            let definition = self.store.load_definition(workflow, version).await?;
            let counts = counts.remove(&row.instance.id).unwrap_or_default();
            instances.push(row.into_instance(&definition, &counts)?);
        }
        Ok(instances)
    }
}

impl InstanceWithNames {
    fn into_instance(
        self,
        definition: &Definition,
        counts: &BTreeMap<TaskState, u32>,
    ) -> Result<InstanceRow, CatalogError> {
        let moving = self.moving_reason();
        let row = self.instance;
        let trigger = read_trigger(&row)?;
        let start = read_start(&row)?;
        let state = parse_name("state", &row.state)?;
        let total = narrow("tasks_total", row.tasks_total)?;
        let excluded = narrow("tasks_excluded", row.tasks_excluded)?;
        let attention = parse_attention(row.attention.as_deref())?;
        let (owner, host) = visible_owner((row.owner, row.host), state, attention.as_ref());
        let reason = if owner.is_some() {
            moving.or(row.reason)
        } else {
            row.reason
        };
        Ok(InstanceRow {
            id: InstanceId(row.id),
            project_id: ProjectId(row.project_id),
            project: self.project_name,
            workflow: self.workflow_name,
            version: row.version,
            state,
            reason,
            attention,
            run: Run(narrow("run", row.run)?),
            trigger,
            params: start.effective_params(definition),
            outputs: parse_json("outputs", &row.outputs)?,
            host,
            owner,
            epoch: Epoch(row.epoch),
            priority: start.priority,
            failure_strategy: start.failure_strategy,
            dry_run: start.dry_run,
            scheduled_at: start.scheduled_at,
            timezone: start.timezone,
            labels: start.labels,
            start: start.body.unwrap_or_else(|| json!({})),
            note: row.note,
            continued_from: row.continued_from.map(InstanceId),
            requested_by: row.requested_by,
            created_at: Timestamp(row.created_at),
            started_at: row.started_at.map(Timestamp),
            ended_at: row.ended_at.map(Timestamp),
            tasks: TaskCounts {
                total,
                by_state: view::display_counts(state, total, excluded, counts),
            },
        })
    }

    /// Explains that the instance is between two owners, when its owner's incarnation has ended.
    fn moving_reason(&self) -> Option<String> {
        let (name, owner) = (self.owner_name.as_ref()?, self.instance.owner?);
        let ended = match self.owner_state.as_deref()? {
            "left" => "has left",
            "dead" => "declared dead",
            _ => return None,
        };
        Some(format!("moving: owner {name}/{owner} {ended}, being claimed"))
    }
}

fn select_with_names() -> Select<instance::Entity> {
    instance::Entity::find()
        .join(JoinType::InnerJoin, instance::Relation::Project.def())
        .join(JoinType::InnerJoin, instance::Relation::Workflow.def())
        .join(JoinType::LeftJoin, instance::Relation::Owner.def())
        .column_as(project::Column::Name, "project_name")
        .column_as(workflow::Column::Name, "workflow_name")
        .column_as(member::Column::Name, "owner_name")
        .column_as(member::Column::State, "owner_state")
}

/// Selects the instances before an id, newest first; of a label by its index, which gives them in order.
fn select_before(before: i64, label: Option<&LabelFilter>) -> Select<instance::Entity> {
    let Some(label) = label else {
        return select_with_names()
            .filter(instance::Column::Id.lt(before))
            .order_by_desc(instance::Column::Id);
    };
    select_with_names()
        .join(JoinType::InnerJoin, instance::Relation::Label.def())
        .filter(instance_label::Column::Name.eq(&label.name))
        .filter(instance_label::Column::Value.eq(&label.value))
        .filter(instance_label::Column::Instance.lt(before))
        .order_by_desc(instance_label::Column::Instance)
}

/// Counts the stored task rows of these instances by state.
async fn count_by_state<C: ConnectionTrait>(on: &C, ids: &[i64]) -> Result<CountsByInstance, CatalogError> {
    let mut counts = CountsByInstance::new();
    if ids.is_empty() {
        return Ok(counts);
    }
    let rows = task_instance::Entity::find()
        .select_only()
        .columns([task_instance::Column::Instance, task_instance::Column::State])
        .column_as(task_instance::Column::TaskIndex.count(), "number")
        .filter(task_instance::Column::Instance.is_in(ids.iter().copied()))
        .group_by(task_instance::Column::Instance)
        .group_by(task_instance::Column::State)
        .into_model::<StateCount>()
        .all(on)
        .await?;
    for row in rows {
        let state = parse_name("state", &row.state)?;
        let number = narrow("number", row.number)?;
        counts.entry(row.instance).or_default().insert(state, number);
    }
    Ok(counts)
}

/// Returns the owner as readers see it. An idle instance is shown without an owner also while a master that has claimed
/// it decides the command that starts it again: readers see the owner together with the state that the command makes.
pub(crate) fn visible_owner(
    (owner, host): (Option<i64>, Option<String>),
    state: InstanceState,
    attention: Option<&Attention>,
) -> (Option<Incarnation>, Option<String>) {
    if state.is_idle() || attention.is_some() {
        return (None, None);
    }
    (owner.map(Incarnation), host)
}

/// Parses the column `attention`.
pub(crate) fn parse_attention(column: Option<&str>) -> Result<Option<Attention>, CatalogError> {
    column.map(|text| parse_json("attention", text)).transpose()
}

/// Reports that there is no instance of this id.
pub(crate) fn missing_instance(id: InstanceId) -> CatalogError {
    CatalogError::not_found(format!("instance {id}"))
}
