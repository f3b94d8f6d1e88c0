//! Workflows: documents in, versions out.

mod derived_versions;
mod document_request;
mod etag;
mod export;
mod named_workflows;
mod views;

use actix_web::http::header::{ACCEPT, ETAG};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, delete, get, patch, put};
use catalog::{
    DependentsCheck, Page, Project, SaveOutcome, SavedVersion, WorkflowEdit, WorkflowId, WorkflowVersion,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read, Write};
use crate::http::body::{Body, DocumentBody, NoQuery, Query, check_name};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::workflows::document_request::{parse_format, parse_version};
use crate::workflows::etag::{format_etag, read_if_match};
use crate::workflows::views::{PutResult, VersionItem, WorkflowDocument, WorkflowItem, WorkflowView};

pub(crate) fn register_project_routes(config: &mut ServiceConfig) {
    config.service(list_workflows);
    export::register_routes(config);
}

pub(crate) fn register_workflow_routes(config: &mut ServiceConfig) {
    config
        .service(put_workflow)
        .service(read_workflow)
        .service(list_versions)
        .service(edit_workflow)
        .service(delete_workflow);
    derived_versions::register_routes(config);
}

/// The most instances of each workflow in a list.
const MAX_RUNS: u32 = 50;

/// The options of a put.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PutQuery {
    /// Validates and stores nothing.
    dry_run: Option<bool>,
}

/// Stores a document as the newest version of a workflow, unless it is the newest already.
#[utoipa::path(tag = "workflows",
    params(("project" = String, Path), ("workflow" = String, Path), PutQuery,
        ("If-Match" = Option<String>, Header, description = "The ETag that is expected to be stored, or `*`")),
    request_body(content((WorkflowDocument = "application/json"), (String = "application/yaml"))),
    responses((status = 200, body = PutResult), (status = 201, body = PutResult), (status = 412)))]
#[put("")]
async fn put_workflow(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    query: Query<PutQuery>,
    body: DocumentBody,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    check_name("/name", &name)?;
    let format = parse_format(&request)?;
    let project = caller.object();
    let new = parse_version(caller.server(), (project, &name), &body, format).await?;
    let if_match = read_if_match(&request)?;
    if query.0.dry_run.unwrap_or_default() {
        let put = caller
            .catalog()
            .workflows()
            .check_version(project.id, &new, if_match)
            .await?;
        return Ok(put_response(HttpResponse::Ok(), &put, &project.name, name));
    }
    let context = caller.audit_context(None);
    let put = caller
        .catalog()
        .workflows()
        .save_version(project.id, &new, if_match, &context)
        .await?;
    caller.server().state().node.schedules_changed();
    caller.server().state().node.places_changed();
    let status = match put.outcome {
        SaveOutcome::Created => HttpResponse::Created(),
        SaveOutcome::Changed | SaveOutcome::Unchanged => HttpResponse::Ok(),
    };
    Ok(put_response(status, &put, &project.name, name))
}

fn put_response(
    mut status: HttpResponseBuilder,
    put: &SavedVersion,
    project: &str,
    name: String,
) -> HttpResponse {
    status
        .insert_header((ETAG, format_etag(put.version)))
        .json(PutResult::new(project, name, put))
}

/// What is listed of each workflow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WorkflowQuery {
    /// The number of newest instances that are shown of each workflow; without it none are shown.
    #[param(maximum = 50)]
    runs: Option<u32>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the workflows of a project by name.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), WorkflowQuery),
    responses((status = 200, body = List<WorkflowItem>)))]
#[get("/workflows")]
async fn list_workflows(
    caller: Caller<Read, Project>,
    query: Query<WorkflowQuery>,
) -> Result<HttpResponse, Problem> {
    let WorkflowQuery { runs, limit, cursor } = query.0;
    if runs.is_some_and(|runs| runs > MAX_RUNS) {
        let detail = format!("`runs` is 0 to {MAX_RUNS}.");
        return Err(Problem::new(Code::InvalidQuery, detail).at("/runs"));
    }
    let workflows = caller.catalog().workflows();
    let paging = Paging { limit, cursor };
    let page = workflows
        .list(caller.object().id, &paging.page_request()?)
        .await?;
    let shown: Vec<WorkflowId> = page.items.iter().map(|workflow| workflow.id).collect();
    let mut last_runs = match runs {
        Some(runs) => Some(workflows.last_runs(&shown, runs).await?),
        None => None,
    };
    let mut next_fires = workflows.next_fires(&shown).await?;
    let page = Page {
        next_cursor: page.next_cursor,
        items: page
            .items
            .into_iter()
            .map(|workflow| {
                let runs = last_runs
                    .as_mut()
                    .map(|all| all.remove(&workflow.id).unwrap_or_default());
                let next_fire_at = next_fires.remove(&workflow.id);
                WorkflowItem::new(workflow, next_fire_at, runs)
            })
            .collect(),
    };
    Ok(HttpResponse::Ok().json(List::<WorkflowItem>::from_page(page)))
}

/// The requested version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// The newest unless given.
    version: Option<i64>,
}

/// Reads one version of a workflow: as JSON, or the stored source text with `Accept: application/yaml`.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path), VersionQuery),
    responses((status = 200, content((WorkflowView = "application/json"), (String = "application/yaml")))))]
#[get("")]
async fn read_workflow(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    query: Query<VersionQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    let found = find_version(&caller, &name, query.0.version).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((ETAG, format_etag(found.version)));
    if prefers_yaml(&request) {
        return Ok(response
            .content_type("application/yaml; charset=utf-8")
            .body(found.source));
    }
    Ok(response.json(WorkflowView::new(&caller.object().name, found)))
}

/// Finds a version of a workflow of the caller's project, the newest unless one is named.
async fn find_version<N>(
    caller: &Caller<N, Project>,
    name: &str,
    version: Option<i64>,
) -> Result<WorkflowVersion, Problem> {
    let found = caller
        .catalog()
        .workflows()
        .find(caller.object().id, name, version)
        .await?;
    found.ok_or_else(|| match version {
        Some(version) => Problem::not_found(format!("version {version} of workflow `{name}`")),
        None => Problem::not_found(format!("workflow `{name}`")),
    })
}

/// Whether YAML is named before JSON; JSON is YAML, so the source text fits whatever it was written in.
fn prefers_yaml(request: &HttpRequest) -> bool {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut kinds = accept
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let known = kinds.find(|kind| kind.ends_with("yaml") || kind.ends_with("json") || *kind == "*/*");
    known.is_some_and(|kind| kind.ends_with("yaml"))
}

/// Lists the versions of a workflow, newest first.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path), Paging),
    responses((status = 200, body = List<VersionItem>)))]
#[get("/versions")]
async fn list_versions(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    let page = caller
        .catalog()
        .workflows()
        .list_versions(caller.object().id, &name, &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<VersionItem>::from_page(page)))
}

/// The changes to a workflow that make no new version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditWorkflow {
    /// False: nothing new is started.
    enabled: Option<bool>,
}

/// Enables or disables a workflow. A disabled one starts nothing new; instances that exist continue.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path)),
    request_body = EditWorkflow, responses((status = 200, body = WorkflowView)))]
#[patch("")]
async fn edit_workflow(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<EditWorkflow>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    let edit = WorkflowEdit {
        enabled: body.value.enabled,
    };
    caller
        .catalog()
        .workflows()
        .edit(caller.object().id, &name, &edit, &caller.audit_context(None))
        .await?;
    caller.server().state().node.schedules_changed();
    let found = find_version(&caller, &name, None).await?;
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, format_etag(found.version)))
        .json(WorkflowView::new(&caller.object().name, found)))
}

/// The options of a deletion.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// Deletes it although documents of other workflows name it.
    force: Option<bool>,
}

/// Deletes a workflow without open instances, with its versions and its ended instances.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path), DeleteQuery),
    responses((status = 204), (status = 409)))]
#[delete("")]
async fn delete_workflow(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    query: Query<DeleteQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    let check = match query.0.force {
        Some(true) => DependentsCheck::Ignore,
        Some(false) | None => DependentsCheck::Refuse,
    };
    caller
        .catalog()
        .workflows()
        .delete(caller.object().id, (&name, check), &caller.audit_context(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
