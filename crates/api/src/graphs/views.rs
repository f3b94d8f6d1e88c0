//! Graphs and grids in answers.

use std::collections::BTreeMap;

use catalog as stored;
use catalog::WorkflowLayout;
use engine::plan::branches::branch_to;
use engine::spec::Definition;
use engine::states::TaskState;
use serde::Serialize;
use utoipa::ToSchema;

/// A task in a graph.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GraphNode {
    name: String,
    r#type: String,
    x: f64,
    y: f64,
    /// The group that it is drawn in.
    group: Option<String>,
    /// Of instances only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    state: Option<String>,
}

/// An edge between two tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GraphEdge {
    from: String,
    to: String,
    /// `succeeded`, `failed` or `done`.
    on: String,
    /// `then`, `else`, `case` or `default` where a logic task chooses; null elsewhere.
    branch: Option<String>,
}

/// The tasks of a workflow, each in its place, with their edges.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Graph {
    nodes: Vec<GraphNode>,
    edges: Vec<GraphEdge>,
}

impl Graph {
    /// Makes the graph of a definition. `places` are those of tasks to which the layout gives none.
    pub(super) fn new(
        definition: &Definition,
        places: &[(f64, f64)],
        layout: &WorkflowLayout,
        states: &BTreeMap<String, TaskState>,
    ) -> Self {
        let groups: BTreeMap<&str, &str> = layout
            .groups
            .iter()
            .flat_map(|(group, tasks)| tasks.iter().map(|task| (task.as_str(), group.as_str())))
            .collect();
        let nodes = definition.tasks.iter().zip(places).map(|(task, place)| {
            let (x, y) = layout.places.get(&task.name).copied().unwrap_or(*place);
            GraphNode {
                name: task.name.clone(),
                r#type: task.action.type_name().to_owned(),
                x,
                y,
                group: groups.get(task.name.as_str()).map(|group| (*group).to_owned()),
                state: states.get(&task.name).map(TaskState::to_string),
            }
        });
        let edges = definition.tasks.iter().flat_map(|task| {
            task.needs.iter().filter_map(|need| {
                let from = definition.task(need.task)?;
                Some(GraphEdge {
                    from: from.name.clone(),
                    to: task.name.clone(),
                    on: need.on.to_string(),
                    branch: branch_to(from, &task.name).map(str::to_owned),
                })
            })
        });
        Self {
            nodes: nodes.collect(),
            edges: edges.collect(),
        }
    }
}

/// One instance of a grid.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GridRun {
    id: String,
    state: String,
    /// One letter for each of `tasks`: `p` pending, `y` delayed, `w` waiting, `d` dispatched, `r` running,
    /// `t` waiting_retry, `s` succeeded, `o` forced_success, `f` failed, `k` killed, `x` skipped, `n` not_run, `-` not
    /// in that version.
    states: String,
}

/// The newest instances of a workflow with the states of their tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Grid {
    /// The names of the tasks of all versions that are shown.
    tasks: Vec<String>,
    /// Newest first.
    runs: Vec<GridRun>,
    /// Names the next page; null at the end.
    next_cursor: Option<String>,
}

impl From<stored::Grid> for Grid {
    fn from(grid: stored::Grid) -> Self {
        let runs = grid.runs.items.into_iter().map(|run| GridRun {
            id: run.id.to_string(),
            state: run.state.to_string(),
            states: run.states,
        });
        Self {
            tasks: grid.tasks,
            runs: runs.collect(),
            next_cursor: grid.runs.next_cursor,
        }
    }
}
