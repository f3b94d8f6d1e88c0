//! The tasks of a workflow's newest instances, as a grid of letters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::ids::{InstanceId, TaskIndex};
use engine::plan::{Plan, task_indices};
use engine::spec::Definition;
use engine::start::Start;
use engine::states::{InstanceState, TaskState};
use engine::view::display_state;
use ports::DefinitionStore as _;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::{narrow, parse_json, parse_name};
use crate::entity::{instance, task_instance};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::workflows::{WorkflowId, Workflows};

/// The letter of a task that a version lacks.
const ABSENT: char = '-';

/// One instance of a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridRun {
    /// The instance.
    pub id: InstanceId,
    /// Its state.
    pub state: InstanceState,
    /// One letter for each task of the grid.
    pub states: String,
}

/// The newest instances of a workflow with the states of their tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// The tasks of all versions that the instances run: those of the newest version first.
    pub tasks: Vec<String>,
    /// Newest first.
    pub runs: Page<GridRun>,
}

#[derive(FromQueryResult)]
struct GridInstance {
    id: i64,
    version: i64,
    state: String,
    start: String,
}

/// The states of the stored tasks of several instances.
type StatesByInstance = BTreeMap<i64, BTreeMap<TaskIndex, TaskState>>;

impl Workflows<'_> {
    /// Reads the newest instances of a workflow with the states of their tasks.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn read_grid(self, workflow: WorkflowId, page: &PageRequest) -> Result<Grid, CatalogError> {
        let before = page.after::<i64>("grid")?.unwrap_or(i64::MAX);
        let rows = instance::Entity::find()
            .filter(instance::Column::WorkflowId.eq(workflow.0))
            .filter(instance::Column::Id.lt(before))
            .order_by_desc(instance::Column::Id)
            .limit(page.rows())
            .into_model::<GridInstance>()
            .all(self.store().reader())
            .await?;
        let page = Page::cut("grid", page, rows, |row: &GridInstance| row.id.to_string());
        let versions: BTreeSet<i64> = page.items.iter().map(|row| row.version).collect();
        let mut definitions: BTreeMap<i64, Arc<Definition>> = BTreeMap::new();
        for version in versions {
            let definition = self.store().load_definition(workflow.0, version).await?;
            definitions.insert(version, definition);
        }
        let columns = GridColumns::of(definitions.values().rev());
        let mut states = self.read_states(&page.items).await?;
        let mut runs = Vec::with_capacity(page.items.len());
        for row in page.items {
            let Some(definition) = definitions.get(&row.version) else {
                continue;
            };
            let stored = states.remove(&row.id).unwrap_or_default();
            runs.push(columns.run_of(&row, definition, &stored)?);
        }
        Ok(Grid {
            tasks: columns.names,
            runs: Page {
                items: runs,
                next_cursor: page.next_cursor,
            },
        })
    }

    async fn read_states(self, instances: &[GridInstance]) -> Result<StatesByInstance, CatalogError> {
        let rows: Vec<(i64, i64, String)> = task_instance::Entity::find()
            .select_only()
            .columns([
                task_instance::Column::Instance,
                task_instance::Column::TaskIndex,
                task_instance::Column::State,
            ])
            .filter(task_instance::Column::Instance.is_in(instances.iter().map(|row| row.id)))
            .into_tuple()
            .all(self.store().reader())
            .await?;
        let mut states = StatesByInstance::new();
        for (instance, task_index, state) in rows {
            let task_index = TaskIndex(narrow("task_index", task_index)?);
            let state = parse_name("state", &state)?;
            states.entry(instance).or_default().insert(task_index, state);
        }
        Ok(states)
    }
}

/// The tasks of a grid, each in its place.
struct GridColumns {
    names: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl GridColumns {
    /// Takes the tasks of every version, in the order of the versions.
    fn of<'a>(definitions: impl Iterator<Item = &'a Arc<Definition>>) -> Self {
        let mut columns = Self {
            names: Vec::new(),
            places: BTreeMap::new(),
        };
        for task in definitions.flat_map(|definition| &definition.tasks) {
            if !columns.places.contains_key(&task.name) {
                columns.places.insert(task.name.clone(), columns.names.len());
                columns.names.push(task.name.clone());
            }
        }
        columns
    }

    fn run_of(
        &self,
        row: &GridInstance,
        definition: &Arc<Definition>,
        stored: &BTreeMap<TaskIndex, TaskState>,
    ) -> Result<GridRun, CatalogError> {
        let state: InstanceState = parse_name("state", &row.state)?;
        let start: Start = parse_json("start", &row.start)?;
        let plan = Plan::new(Arc::clone(definition), Arc::new(start));
        let mut letters = vec![ABSENT; self.names.len()];
        for (task_index, task) in task_indices(definition.tasks.len()).zip(&definition.tasks) {
            let row = stored.get(&task_index).map(|state| (*state, None));
            let shown = display_state(&plan, state, task_index, row).state;
            if let Some(place) = self.places.get(&task.name) {
                letters[*place] = letter_of(shown);
            }
        }
        Ok(GridRun {
            id: InstanceId(row.id),
            state,
            states: letters.into_iter().collect(),
        })
    }
}

fn letter_of(state: TaskState) -> char {
    match state {
        TaskState::Pending => 'p',
        TaskState::Delayed => 'y',
        TaskState::Waiting => 'w',
        TaskState::Dispatched => 'd',
        TaskState::Running => 'r',
        TaskState::WaitingRetry => 't',
        TaskState::Succeeded => 's',
        TaskState::ForcedSuccess => 'o',
        TaskState::Failed => 'f',
        TaskState::Killed => 'k',
        TaskState::Skipped => 'x',
        TaskState::NotRun => 'n',
    }
}
