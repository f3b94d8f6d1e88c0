//! Instances: list, read, delete, history, ownership.

pub(crate) mod commands;
pub(crate) mod start;
pub(crate) mod trigger;
pub(crate) mod views;
pub(crate) mod wait;

use actix_web::{HttpResponse, delete, get};
use catalog::{DeleteOutcome, InstanceFilter, InstanceRow};
use engine::ids::InstanceId;
use engine::states::{InstanceState, UnknownName};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, Read, Write};
use crate::auth::objects::System;
use crate::auth::server::Server;
use crate::http::body::{NoQuery, Query};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;
use crate::instances::views::{HistoryEntry, Instance, Ownership};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(list_instances)
        .service(get_instance)
        .service(delete_instance)
        .service(read_history)
        .service(read_ownership);
}

/// The filter of a list of instances; everything given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InstanceQuery {
    /// The project's name.
    project: Option<String>,
    /// The workflow's name.
    workflow: Option<String>,
    /// A state; repeated or with commas, any of several.
    state: Option<String>,
    /// The address of the owner.
    host: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn parse_states(text: Option<&str>) -> Result<Vec<InstanceState>, Problem> {
    let unknown_state =
        |error: UnknownName| Problem::new(Code::InvalidQuery, format!("`state`: {error}.")).at("/state");
    match text {
        None => Ok(Vec::new()),
        Some(text) => text
            .split(',')
            .map(|name| name.parse().map_err(unknown_state))
            .collect(),
    }
}

/// Lists instances, newest first.
#[utoipa::path(tag = "instances", params(InstanceQuery), responses((status = 200, body = List<Instance>)))]
#[get("/api/v1/instances")]
async fn list_instances(
    caller: Caller<AnyUser, System>,
    query: Query<InstanceQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let filter = InstanceFilter {
        visible: caller.visible_projects(),
        project: query.project,
        workflow: query.workflow,
        states: parse_states(query.state.as_deref())?,
        host: query.host,
    };
    let paging = Paging {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = caller
        .catalog()
        .instances()
        .list(&filter, &paging.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<Instance>::from_page(page)))
}

/// Reads the row of an instance that exists.
pub(crate) async fn find_instance(server: &Server, id: InstanceId) -> Result<InstanceRow, Problem> {
    let row = server.catalog().instances().find(id).await?;
    row.ok_or_else(|| Problem::not_found(format!("instance {id}")))
}

/// Reads an instance.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = Instance)))]
#[get("/api/v1/instances/{id}")]
async fn get_instance(caller: Caller<Read, InstanceId>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let row = find_instance(caller.server(), *caller.object()).await?;
    Ok(HttpResponse::Ok().json(Instance::from(row)))
}

/// Deletes a final instance.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("/api/v1/instances/{id}")]
async fn delete_instance(
    caller: Caller<Write, InstanceId>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    match caller
        .catalog()
        .instances()
        .delete(*caller.object(), &caller.audit_context(None))
        .await?
    {
        DeleteOutcome::Gone => Ok(HttpResponse::NoContent().finish()),
        DeleteOutcome::InvalidState { detail, .. } => Err(Problem::new(Code::InvalidState, detail)),
    }
}

/// Lists the stored transitions of an instance and its tasks, oldest first.
#[utoipa::path(tag = "instances", params(("id" = String, Path), Paging),
    responses((status = 200, body = List<HistoryEntry>)))]
#[get("/api/v1/instances/{id}/history")]
async fn read_history(
    caller: Caller<Read, InstanceId>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = caller
        .catalog()
        .history()
        .list(*caller.object(), &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<HistoryEntry>::from_page(page)))
}

/// Returns the owner of an instance with its earlier ones.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = Ownership)))]
#[get("/api/v1/instances/{id}/ownership")]
async fn read_ownership(
    caller: Caller<Read, InstanceId>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let id = *caller.object();
    let found = caller.catalog().history().ownership(id).await?;
    let found = found.ok_or_else(|| Problem::not_found(format!("instance {id}")))?;
    Ok(HttpResponse::Ok().json(Ownership::from(found)))
}
