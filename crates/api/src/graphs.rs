//! Workflows and instances as pictures: graphs with places, grids of states.

pub(crate) mod node_places;
mod views;

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, put};
use catalog::{PinnedDefinition, Project, TaskRow, WorkflowLayout};
use engine::ids::InstanceId;
use engine::states::TaskState;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read, Write};
use crate::graphs::views::{Graph, Grid};
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::paging::Paging;
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

/// The number of instances in a grid unless the caller gives one.
const DEFAULT_RUNS: u32 = 25;
/// The most instances of a grid.
const MAX_RUNS: u32 = 100;
/// The most places, and the most groups, of a layout.
const MAX_ENTRIES: usize = 20_000;

pub(crate) fn register_workflow_routes(config: &mut ServiceConfig) {
    config
        .service(read_workflow_graph)
        .service(put_layout)
        .service(read_grid);
}

pub(crate) fn register_instance_routes(config: &mut ServiceConfig) {
    config.service(read_instance_graph);
}

/// The requested version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GraphQuery {
    /// The newest unless given.
    version: Option<i64>,
}

/// Returns the tasks of a workflow as a graph; tasks without a place are placed by the server.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path), GraphQuery),
    responses((status = 200, body = Graph)))]
#[get("/graph")]
async fn read_workflow_graph(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    query: Query<GraphQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    let workflows = caller.catalog().workflows();
    let found = workflows
        .find_definition(caller.object().id, &name, query.0.version)
        .await?;
    draw_graph(&caller, &found, &BTreeMap::new()).await
}

/// Returns the tasks of an instance with their states as a graph.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = Graph)))]
#[get("/graph")]
async fn read_instance_graph(
    caller: Caller<Read, InstanceId>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let (found, tasks) = caller.catalog().tasks().list_all(*caller.object()).await?;
    let states = tasks
        .into_iter()
        .map(|row: TaskRow| (row.name, row.state))
        .collect();
    draw_graph(&caller, &found, &states).await
}

async fn draw_graph<R, O>(
    caller: &Caller<R, O>,
    pinned: &PinnedDefinition,
    states: &BTreeMap<String, TaskState>,
) -> Result<HttpResponse, Problem> {
    let layout = caller.catalog().workflows().read_layout(pinned.workflow).await?;
    let places = caller.server().state().layouts.places_of(pinned).await?;
    Ok(HttpResponse::Ok().json(Graph::new(&pinned.definition, &places, &layout, states)))
}

/// Where the tasks of a workflow are drawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutLayout {
    /// The place of each task, `[x, y]`.
    #[schema(value_type = BTreeMap<String, [f64; 2]>)]
    layout: BTreeMap<String, (f64, f64)>,
    /// Tasks that are drawn as one group, by its name.
    groups: Option<BTreeMap<String, Vec<String>>>,
}

/// Replaces the places of a workflow's tasks; this makes no version.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path)),
    request_body = PutLayout, responses((status = 204)))]
#[put("/layout")]
async fn put_layout(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PutLayout>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    let layout = WorkflowLayout {
        places: body.value.layout,
        groups: body.value.groups.unwrap_or_default(),
    };
    for (pointer, entries) in [("/layout", layout.places.len()), ("/groups", layout.groups.len())] {
        if entries > MAX_ENTRIES {
            let detail = format!("These are more than {MAX_ENTRIES} entries.");
            return Err(Problem::new(Code::InvalidBody, detail).at(pointer));
        }
    }
    caller
        .catalog()
        .workflows()
        .put_layout(caller.object().id, &name, &layout, &caller.audit_context(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The size of a grid.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GridQuery {
    /// The number of instances at most.
    #[param(minimum = 1, maximum = 100, default = 25)]
    runs: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Returns the newest instances of a workflow with one letter for the state of each task.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path), GridQuery),
    responses((status = 200, body = Grid)))]
#[get("/grid")]
async fn read_grid(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    query: Query<GridQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    let runs = query.0.runs.unwrap_or(DEFAULT_RUNS);
    if !(1..=MAX_RUNS).contains(&runs) {
        let detail = format!("`runs` is 1 to {MAX_RUNS}.");
        return Err(Problem::new(Code::InvalidQuery, detail).at("/runs"));
    }
    let paging = Paging {
        limit: Some(runs),
        cursor: query.0.cursor,
    };
    let workflows = caller.catalog().workflows();
    let found = workflows.find_definition(caller.object().id, &name, None).await?;
    let grid = workflows
        .read_grid(found.workflow, &paging.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(Grid::from(grid)))
}
