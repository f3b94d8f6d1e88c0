//! Instances: list, read, delete, history, ownership.

pub(crate) mod bulk;
pub(crate) mod command_bodies;
pub(crate) mod commands;
pub(crate) mod continuation;
pub(crate) mod edit;
pub(crate) mod filter;
pub(crate) mod posting;
pub(crate) mod start;
pub(crate) mod task_commands;
pub(crate) mod trigger;
pub(crate) mod views;
pub(crate) mod wait;

use actix_web::{HttpResponse, delete, get};
use catalog::{DeleteOutcome, InstanceRow};
use engine::ids::InstanceId;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, Read, Write};
use crate::auth::objects::System;
use crate::auth::server::Server;
use crate::http::body::{NoQuery, Query};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;
use crate::instances::filter::InstanceQuery;
use crate::instances::views::{HistoryEntry, Instance, Ownership};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(list_instances);
}

pub(crate) fn register_instance_routes(config: &mut ServiceConfig) {
    config
        .service(get_instance)
        .service(delete_instance)
        .service(read_history)
        .service(read_ownership);
}

/// Lists instances, newest first.
#[utoipa::path(tag = "instances", params(InstanceQuery), responses((status = 200, body = List<Instance>)))]
#[get("/instances")]
async fn list_instances(
    caller: Caller<AnyUser, System>,
    query: Query<InstanceQuery>,
) -> Result<HttpResponse, Problem> {
    let (filter, paging) = query.0.into_filter(caller.visible_projects())?;
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
#[get("")]
async fn get_instance(caller: Caller<Read, InstanceId>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let row = find_instance(caller.server(), *caller.object()).await?;
    Ok(HttpResponse::Ok().json(Instance::with_start(row)))
}

/// Deletes a final instance.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("")]
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
#[get("/history")]
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
#[get("/ownership")]
async fn read_ownership(
    caller: Caller<Read, InstanceId>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let id = *caller.object();
    let found = caller.catalog().history().ownership(id).await?;
    let found = found.ok_or_else(|| Problem::not_found(format!("instance {id}")))?;
    Ok(HttpResponse::Ok().json(Ownership::from(found)))
}
