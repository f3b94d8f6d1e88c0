//! Which workflows name which.

use actix_web::{HttpRequest, HttpResponse, get};
use catalog::Project;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read};
use crate::http::body::Query;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

pub(crate) fn register_workflow_routes(config: &mut ServiceConfig) {
    config.service(list_dependents);
}

pub(crate) fn register_project_routes(config: &mut ServiceConfig) {
    config.service(list_lineage);
}

/// A workflow with its project.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowName {
    project: String,
    workflow: String,
}

impl From<catalog::WorkflowName> for WorkflowName {
    fn from(name: catalog::WorkflowName) -> Self {
        Self {
            project: name.project,
            workflow: name.workflow,
        }
    }
}

/// A task of one workflow that names another.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowEdge {
    from: WorkflowName,
    to: WorkflowName,
    /// `sub_workflow`, `dynamic` or `dependent`: the type of the task.
    kind: String,
    task: String,
}

impl From<catalog::WorkflowEdge> for WorkflowEdge {
    fn from(edge: catalog::WorkflowEdge) -> Self {
        Self {
            from: edge.from.into(),
            to: edge.to.into(),
            kind: edge.kind,
            task: edge.task,
        }
    }
}

/// Lists the tasks of other workflows that name a workflow in their newest versions.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path), Paging),
    responses((status = 200, body = List<WorkflowEdge>)))]
#[get("/dependents")]
async fn list_dependents(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let workflow = path_parameter(&request, "workflow")?;
    let workflows = caller.catalog().workflows();
    workflows
        .find_definition(caller.object().id, &workflow, None)
        .await?;
    let name = catalog::WorkflowName {
        project: caller.object().name.clone(),
        workflow,
    };
    let page = paging.0.page_request()?;
    let edges = workflows
        .list_dependents(&name, caller.visible_projects(), &page)
        .await?;
    Ok(HttpResponse::Ok().json(List::<WorkflowEdge>::from_page(edges)))
}

/// Which edges are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LineageQuery {
    /// Only what is connected with this workflow, over any number of steps in both directions.
    workflow: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists which workflows name which, where either of them is in the project.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), LineageQuery),
    responses((status = 200, body = List<WorkflowEdge>)))]
#[get("/lineage")]
async fn list_lineage(
    caller: Caller<Read, Project>,
    query: Query<LineageQuery>,
) -> Result<HttpResponse, Problem> {
    let LineageQuery {
        workflow,
        limit,
        cursor,
    } = query.0;
    let page = Paging { limit, cursor }.page_request()?;
    let workflows = caller.catalog().workflows();
    let edges = workflows
        .list_lineage(
            caller.object(),
            workflow.as_deref(),
            (caller.visible_projects(), &page),
        )
        .await?;
    Ok(HttpResponse::Ok().json(List::<WorkflowEdge>::from_page(edges)))
}
