//! The children of a task as readers see them: one for each combination, also before it exists.

use std::collections::{BTreeMap, BTreeSet};

use engine::children::FanOut;
use engine::ids::InstanceId;
use engine::start::Start;
use engine::states::InstanceState;
use engine::task::Progress;
use engine::trigger::TriggerType;
use ports::DefinitionStore as _;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::{narrow, parse_json, parse_name, present};
use crate::entity::{instance, task_instance};
use crate::error::CatalogError;
use crate::instances::missing_instance;
use crate::page::{Page, PageRequest};
use store::Store;

/// The state of a combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChildState {
    /// It has no child yet.
    Pending,
    /// That of its child.
    Of(InstanceState),
}

/// One combination of a task with its child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildRow {
    /// Its number, from 0.
    pub index: u32,
    /// All that the child was given, or will be.
    pub params: BTreeMap<String, String>,
    /// Its state.
    pub state: ChildState,
    /// The child.
    pub instance: Option<InstanceId>,
    /// The outputs of the child.
    pub outputs: BTreeMap<String, String>,
}

/// The task whose children are listed.
struct ParentTaskRow {
    instance: InstanceId,
    task: String,
    attempts: i64,
    fan_out: FanOut,
}

/// The children of tasks.
#[derive(Debug, Clone, Copy)]
pub struct Children<'a> {
    store: &'a Store,
}

impl<'a> Children<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists the combinations of a task by number, those in one of these states; all when none is given.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist. `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        (id, task): (InstanceId, &str),
        states: &BTreeSet<ChildState>,
        page: &PageRequest,
    ) -> Result<Page<ChildRow>, CatalogError> {
        let from = page
            .after::<u32>("children")?
            .map_or(0, |last| last.saturating_add(1));
        let mut items = BTreeMap::new();
        if let Some(parent) = self.find_parent(id, task).await? {
            for child in self.list_existing(&parent, from, states, page.rows()).await? {
                items.insert(child.index, child);
            }
            if states.is_empty() || states.contains(&ChildState::Pending) {
                let known = self.list_known_indexes(&parent, from).await?;
                let missing = (from..parent.fan_out.count()).filter(|index| !known.contains(index));
                let wanted = usize::try_from(page.rows()).unwrap_or(usize::MAX);
                items.extend(
                    missing
                        .take(wanted)
                        .map(|index| (index, parent.pending_child(index))),
                );
            }
        }
        let items = items.into_values().collect();
        Ok(Page::cut("children", page, items, |child: &ChildRow| {
            child.index.to_string()
        }))
    }

    /// Lists the children of a task that exist, by number, with their states.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn list_states(
        self,
        id: InstanceId,
        task: &str,
    ) -> Result<BTreeMap<u32, (InstanceId, ChildState)>, CatalogError> {
        let Some(parent) = self.find_parent(id, task).await? else {
            return Ok(BTreeMap::new());
        };
        let rows: Vec<(Option<i64>, i64, String)> = instance::Entity::find()
            .select_only()
            .columns([
                instance::Column::ParentIndex,
                instance::Column::Id,
                instance::Column::State,
            ])
            .filter(parent.condition(0))
            .into_tuple()
            .all(self.store.reader())
            .await?;
        rows.into_iter()
            .map(|(index, id, state)| {
                let index = narrow("parent_index", present("parent_index", index)?)?;
                let state = ChildState::Of(parse_name("state", &state)?);
                Ok((index, (InstanceId(id), state)))
            })
            .collect()
    }

    /// Finds what the last attempt of a task starts; none when the task starts nothing, or has not begun.
    async fn find_parent(self, id: InstanceId, task: &str) -> Result<Option<ParentTaskRow>, CatalogError> {
        let row = instance::Entity::find_by_id(id.0)
            .one(self.store.reader())
            .await?
            .ok_or_else(|| missing_instance(id))?;
        let definition = self.store.load_definition(row.workflow_id, row.version).await?;
        let task_index = definition
            .task_index_of(task)
            .ok_or_else(|| CatalogError::not_found(format!("task `{task}` in instance {id}")))?;
        let stored = task_instance::Entity::find_by_id((id.0, i64::from(task_index.0)))
            .one(self.store.reader())
            .await?;
        let Some(stored) = stored else { return Ok(None) };
        let fan_out = read_fan_out(stored.progress.as_deref())?;
        Ok(fan_out.map(|fan_out| ParentTaskRow {
            instance: id,
            task: task.to_owned(),
            attempts: stored.attempts,
            fan_out,
        }))
    }

    async fn list_existing(
        self,
        parent: &ParentTaskRow,
        from: u32,
        states: &BTreeSet<ChildState>,
        limit: u64,
    ) -> Result<Vec<ChildRow>, CatalogError> {
        let mut condition = parent.condition(from);
        if !states.is_empty() {
            let names = states.iter().filter_map(|state| match state {
                ChildState::Pending => None,
                ChildState::Of(state) => Some(state.as_str()),
            });
            condition = condition.add(instance::Column::State.is_in(names));
        }
        let rows = instance::Entity::find()
            .filter(condition)
            .order_by_asc(instance::Column::ParentIndex)
            .limit(limit)
            .all(self.store.reader())
            .await?;
        rows.into_iter().map(read_child).collect()
    }

    async fn list_known_indexes(
        self,
        parent: &ParentTaskRow,
        from: u32,
    ) -> Result<BTreeSet<u32>, CatalogError> {
        let indexes: Vec<Option<i64>> = instance::Entity::find()
            .select_only()
            .column(instance::Column::ParentIndex)
            .filter(parent.condition(from))
            .into_tuple()
            .all(self.store.reader())
            .await?;
        let indexes = indexes.into_iter().flatten();
        indexes.map(|index| narrow("parent_index", index)).collect()
    }
}

impl ParentTaskRow {
    /// Returns the condition of the children of the last attempt, from a number on.
    fn condition(&self, from: u32) -> Condition {
        Condition::all()
            .add(instance::Column::Parent.eq(self.instance.0))
            .add(instance::Column::ParentTask.eq(&self.task))
            .add(instance::Column::ParentAttempt.between(i64::from(self.fan_out.since.0), self.attempts))
            .add(instance::Column::ParentIndex.gte(i64::from(from)))
            .add(instance::Column::ParentIndex.lt(i64::from(self.fan_out.count())))
    }

    fn pending_child(&self, index: u32) -> ChildRow {
        ChildRow {
            index,
            params: self.fan_out.param_texts_at(index).unwrap_or_default(),
            state: ChildState::Pending,
            instance: None,
            outputs: BTreeMap::new(),
        }
    }
}

/// Reads what an attempt starts from the column `progress`.
pub(crate) fn read_fan_out(progress: Option<&str>) -> Result<Option<FanOut>, CatalogError> {
    let progress: Option<Progress> = progress.map(|text| parse_json("progress", text)).transpose()?;
    Ok(progress.and_then(|progress| progress.read_detail()))
}

/// Finds the instance that a `sub_workflow` task started last; none of other tasks.
pub(crate) async fn find_child(
    store: &Store,
    (parent, task): (InstanceId, &str),
    progress: Option<&str>,
) -> Result<Option<InstanceId>, CatalogError> {
    let Some(fan_out) = read_fan_out(progress)? else {
        return Ok(None);
    };
    let child: Option<i64> = instance::Entity::find()
        .select_only()
        .column(instance::Column::Id)
        .filter(instance::Column::Parent.eq(parent.0))
        .filter(instance::Column::ParentTask.eq(task))
        .filter(instance::Column::ParentAttempt.gte(i64::from(fan_out.since.0)))
        .filter(instance::Column::TriggerType.eq(TriggerType::SubWorkflow.as_str()))
        .order_by_desc(instance::Column::ParentAttempt)
        .into_tuple()
        .one(store.reader())
        .await?;
    Ok(child.map(InstanceId))
}

fn read_child(row: instance::Model) -> Result<ChildRow, CatalogError> {
    let start: Start = parse_json("start", &row.start)?;
    Ok(ChildRow {
        index: narrow("parent_index", present("parent_index", row.parent_index)?)?,
        params: start.params,
        state: ChildState::Of(parse_name("state", &row.state)?),
        instance: Some(InstanceId(row.id)),
        outputs: parse_json("outputs", &row.outputs)?,
    })
}
