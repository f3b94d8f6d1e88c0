//! The rows around an instance that explain its waits.

use std::collections::{BTreeMap, BTreeSet};

use engine::explain::{
    ChangeTimes, ChildInstance, GroupSlots, GroupWorker, LimitShortage, OwnerSituation, PlaceShortage,
    SlotHolder, Surroundings,
};
use engine::ids::{Incarnation, InstanceId, TaskIndex, Timestamp};
use engine::instance::Instance;
use engine::plan::Plan;
use engine::states::{InstanceState, MemberState};
use engine::task::Wait;
use engine::task_type::WatchKind;
use ports::DefinitionStore as _;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait,
};

use crate::columns::{narrow, parse_name};
use crate::entity::{attempt, instance, member, transition, workflow};
use crate::error::CatalogError;
use crate::limits::Limits;
use crate::overviews::explanations::places::read_place_shortage;
use crate::visibility::VisibilityScope;
use store::Store;

/// Children that are named for each task.
const NAMED_CHILDREN: u64 = 5;

/// Holders of slots that are named for each group.
const NAMED_HOLDERS: u64 = 5;

/// The states of an attempt that holds a slot.
const OPEN_ATTEMPT: [&str; 2] = ["created", "running"];

/// Reads what surrounds one instance.
pub(super) struct SurroundingsQuery<'a> {
    pub(super) store: &'a Store,
    pub(super) plan: &'a Plan,
    pub(super) instance: &'a Instance,
    pub(super) visible: VisibilityScope,
}

/// The last entries of the history of a task, or of the instance itself.
#[derive(FromQueryResult)]
struct LastEntries {
    task_index: Option<i64>,
    recorded_at: i64,
    entered_at: Option<i64>,
}

/// An open attempt with the version that its instance runs.
#[derive(FromQueryResult)]
struct HolderRow {
    instance: i64,
    task_index: i64,
    worker_name: Option<String>,
    workflow_id: i64,
    version: i64,
}

impl SurroundingsQuery<'_> {
    /// Reads what the causes of these tasks, and of the instance, name.
    pub(super) async fn read_surroundings(&self, tasks: &[TaskIndex]) -> Result<Surroundings, CatalogError> {
        let (instance_times, task_times) = self.read_times(tasks).await?;
        let mut groups = BTreeMap::new();
        for name in self.groups_of(tasks) {
            let slots = self.read_group(&name).await?;
            groups.insert(name, slots);
        }
        Ok(Surroundings {
            owner: self.read_owner().await?,
            instance_times,
            task_times,
            groups,
            places: match self.instance.record().state {
                InstanceState::Queued => read_place_shortage(self.store, self.instance.rows.id).await?,
                _ => PlaceShortage::default(),
            },
            limits: self.read_limits(tasks).await?,
            children: self.read_children(tasks).await?,
        })
    }

    async fn read_owner(&self) -> Result<OwnerSituation, CatalogError> {
        let reader = self.store.reader();
        let owner: Option<Option<i64>> = instance::Entity::find_by_id(self.instance.rows.id.0)
            .select_only()
            .column(instance::Column::Owner)
            .into_tuple()
            .one(reader)
            .await?;
        let Some(owner) = owner.flatten() else {
            return Ok(OwnerSituation::Missing);
        };
        let Some(row) = member::Entity::find_by_id(owner).one(reader).await? else {
            return Ok(OwnerSituation::Missing);
        };
        let state: MemberState = parse_name("state", &row.state)?;
        Ok(match state {
            MemberState::Joining | MemberState::Active | MemberState::Draining => OwnerSituation::Living,
            MemberState::Left | MemberState::Dead => OwnerSituation::Ended {
                name: row.name,
                incarnation: Incarnation(owner),
                state,
            },
        })
    }

    /// Reads when the instance and these tasks changed last; what has no entry has not changed since its creation.
    async fn read_times(
        &self,
        tasks: &[TaskIndex],
    ) -> Result<(ChangeTimes, BTreeMap<TaskIndex, ChangeTimes>), CatalogError> {
        let created = ChangeTimes {
            entered_at: self.instance.rows.created_at,
            recorded_at: self.instance.rows.created_at,
        };
        let named = tasks.iter().map(|task_index| i64::from(task_index.0));
        let is_asked_for = Condition::any()
            .add(transition::Column::TaskIndex.is_null())
            .add(transition::Column::TaskIndex.is_in(named));
        let entered = Expr::cust("MAX(CASE WHEN from_state IS NULL OR from_state <> to_state THEN at END)");
        let rows = transition::Entity::find()
            .select_only()
            .column(transition::Column::TaskIndex)
            .column_as(transition::Column::At.max(), "recorded_at")
            .column_as(entered, "entered_at")
            .filter(transition::Column::Instance.eq(self.instance.rows.id.0))
            .filter(is_asked_for)
            .group_by(transition::Column::TaskIndex)
            .into_model::<LastEntries>()
            .all(self.store.reader())
            .await?;
        let mut of_instance = created;
        let mut of_tasks = BTreeMap::new();
        for row in rows {
            let times = ChangeTimes {
                entered_at: row.entered_at.map_or(created.entered_at, Timestamp),
                recorded_at: Timestamp(row.recorded_at),
            };
            match row.task_index {
                Some(index) => drop(of_tasks.insert(TaskIndex(narrow("task_index", index)?), times)),
                None => of_instance = times,
            }
        }
        Ok((of_instance, of_tasks))
    }

    /// Reads the limits that these tasks wait for.
    async fn read_limits(
        &self,
        tasks: &[TaskIndex],
    ) -> Result<BTreeMap<TaskIndex, Vec<LimitShortage>>, CatalogError> {
        let mut limits = BTreeMap::new();
        for task_index in self.ready_tasks(tasks) {
            let shortages = Limits::new(self.store)
                .list_shortages(self.instance.rows.id, task_index)
                .await?;
            limits.insert(task_index, shortages);
        }
        Ok(limits)
    }

    /// Lists those of these tasks that are ready and wait for a slot.
    fn ready_tasks(&self, tasks: &[TaskIndex]) -> impl Iterator<Item = TaskIndex> {
        tasks.iter().copied().filter(|task_index| {
            let row = self.instance.task(*task_index);
            row.is_some_and(|row| row.wait() == Some(Wait::Slot))
        })
    }

    /// Lists the worker groups in which these tasks wait for a slot.
    fn groups_of(&self, tasks: &[TaskIndex]) -> BTreeSet<String> {
        self.ready_tasks(tasks)
            .filter_map(|task_index| self.plan.definition.task(task_index))
            .map(|task| self.plan.worker_group_of(task).to_owned())
            .collect()
    }

    /// Reads the open instances that these tasks started and wait for.
    async fn read_children(
        &self,
        tasks: &[TaskIndex],
    ) -> Result<BTreeMap<TaskIndex, Vec<ChildInstance>>, CatalogError> {
        let mut children = BTreeMap::new();
        for task_index in tasks.iter().copied() {
            let Some(task) = self.plan.definition.task(task_index) else {
                continue;
            };
            if self.plan.site_of(task).watch_kind() != Some(WatchKind::Children) {
                continue;
            }
            let open = InstanceState::ALL.iter().filter(|state| !state.is_final());
            let rows: Vec<(i64, String, String)> = instance::Entity::find()
                .join(JoinType::InnerJoin, instance::Relation::Workflow.def())
                .select_only()
                .columns([instance::Column::Id, instance::Column::State])
                .column_as(workflow::Column::Name, "workflow_name")
                .filter(instance::Column::Parent.eq(self.instance.rows.id.0))
                .filter(instance::Column::ParentTask.eq(&task.name))
                .filter(instance::Column::State.is_in(open.map(|state| state.as_str())))
                .order_by_asc(instance::Column::Id)
                .limit(NAMED_CHILDREN)
                .into_tuple()
                .all(self.store.reader())
                .await?;
            let mut found = Vec::new();
            for (id, state, workflow) in rows {
                found.push(ChildInstance {
                    instance: InstanceId(id),
                    workflow,
                    state: parse_name("state", &state)?,
                });
            }
            children.insert(task_index, found);
        }
        Ok(children)
    }

    async fn read_group(&self, name: &str) -> Result<GroupSlots, CatalogError> {
        let members = member::Entity::find()
            .filter(member::Column::WorkerGroup.eq(name))
            .filter(member::Column::State.is_not_in(["left", "dead"]))
            .order_by_asc(member::Column::Incarnation)
            .all(self.store.reader())
            .await?;
        let is_worker = |row: &&member::Model| row.roles.split(',').any(|role| role == "worker");
        let mut workers = Vec::new();
        let mut active = Vec::new();
        for row in members.iter().filter(is_worker) {
            let state = parse_name("state", &row.state)?;
            workers.push(GroupWorker {
                name: row.name.clone(),
                state,
                slots: narrow("slots", row.slots)?,
            });
            if state == MemberState::Active {
                active.push(row.incarnation);
            }
        }
        let used = attempt::Entity::find()
            .filter(attempt::Column::State.is_in(OPEN_ATTEMPT))
            .filter(attempt::Column::Worker.is_in(active.iter().copied()))
            .count(self.store.reader())
            .await?;
        Ok(GroupSlots {
            workers,
            holders: self.read_holders(&active).await?,
            used: u32::try_from(used).unwrap_or(u32::MAX),
        })
    }

    /// Reads the attempts that have held slots of these workers for the longest time, of projects that the caller sees.
    async fn read_holders(&self, workers: &[i64]) -> Result<Vec<SlotHolder>, CatalogError> {
        let rows = attempt::Entity::find()
            .join(JoinType::InnerJoin, attempt::Relation::Instance.def())
            .select_only()
            .columns([
                attempt::Column::Instance,
                attempt::Column::TaskIndex,
                attempt::Column::WorkerName,
            ])
            .columns([instance::Column::WorkflowId, instance::Column::Version])
            .filter(attempt::Column::State.is_in(OPEN_ATTEMPT))
            .filter(attempt::Column::Worker.is_in(workers.iter().copied()))
            .filter(self.visible.condition(instance::Column::ProjectId))
            .order_by_asc(attempt::Column::CreatedAt)
            .order_by_asc(attempt::Column::Instance)
            .order_by_asc(attempt::Column::TaskIndex)
            .limit(NAMED_HOLDERS)
            .into_model::<HolderRow>()
            .all(self.store.reader())
            .await?;
        let mut holders = Vec::new();
        for row in rows {
            let definition = self.store.load_definition(row.workflow_id, row.version).await?;
            let task_index = TaskIndex(narrow("task_index", row.task_index)?);
            let Some(task) = definition.task(task_index) else {
                continue;
            };
            holders.push(SlotHolder {
                instance: InstanceId(row.instance),
                task: task.name.clone(),
                worker: row.worker_name.unwrap_or_default(),
            });
        }
        Ok(holders)
    }
}
