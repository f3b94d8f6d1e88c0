//! Instances: list, read, delete, history and ownership.

use actix_web::{HttpResponse, delete, get};
use engine::ids::InstanceId;
use engine::states::InstanceState;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, Everything, Execute, OfInstance, Read, Server, SignedIn};
use super::body::{NoQuery, Query};
use super::codes::Code;
use super::lists::{List, Paging};
use super::problem::Problem;
use super::views::{HistoryEntry, Instance, Ownership};
use store::catalog::{Deleted, InstanceFilter, InstanceRow};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_instances)
        .service(get_instance)
        .service(delete_instance)
        .service(read_history)
        .service(read_ownership);
}

/// Which instances are wanted; everything given must hold.
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
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn read_states(text: Option<&str>) -> Result<Vec<InstanceState>, Problem> {
    let wrong = |error: engine::states::UnknownName| {
        Problem::new(Code::InvalidQuery, format!("`state`: {error}.")).at("/state")
    };
    match text {
        None => Ok(Vec::new()),
        Some(text) => text.split(',').map(|name| name.parse().map_err(wrong)).collect(),
    }
}

/// Lists instances, newest first.
#[utoipa::path(tag = "instances", params(InstanceQuery), responses((status = 200, body = List<Instance>)))]
#[get("/api/v1/instances")]
async fn list_instances(
    who: Authorised<SignedIn, Everything>,
    query: Query<InstanceQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let filter = InstanceFilter {
        visible: who.visible(),
        project: query.project,
        workflow: query.workflow,
        states: read_states(query.state.as_deref())?,
        host: query.host,
    };
    let paging = Paging {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = who.catalog().instances(&filter, &paging.request()?).await?;
    Ok(HttpResponse::Ok().json(List::<Instance>::of(page)))
}

/// Reads the row of an instance that exists.
pub(super) async fn read_instance(server: &Server, id: InstanceId) -> Result<InstanceRow, Problem> {
    let row = server.catalog().instance(id).await?;
    row.ok_or_else(|| Problem::not_found(format!("instance {id}")))
}

/// Reads an instance.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = Instance)))]
#[get("/api/v1/instances/{id}")]
async fn get_instance(who: Authorised<Read, OfInstance>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let row = read_instance(&who.server, who.object.0).await?;
    Ok(HttpResponse::Ok().json(Instance::from(row)))
}

/// Deletes a final instance.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("/api/v1/instances/{id}")]
async fn delete_instance(
    who: Authorised<Execute, OfInstance>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    match who
        .catalog()
        .delete_instance(who.object.0, &who.request(None))
        .await?
    {
        Deleted::Gone => Ok(HttpResponse::NoContent().finish()),
        Deleted::InvalidState { detail, .. } => Err(Problem::new(Code::InvalidState, detail)),
    }
}

/// Lists the stored steps of an instance and its tasks, oldest first.
#[utoipa::path(tag = "instances", params(("id" = String, Path), Paging),
    responses((status = 200, body = List<HistoryEntry>)))]
#[get("/api/v1/instances/{id}/history")]
async fn read_history(
    who: Authorised<Read, OfInstance>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = who.catalog().history(who.object.0, &paging.0.request()?).await?;
    Ok(HttpResponse::Ok().json(List::<HistoryEntry>::of(page)))
}

/// Says who owns an instance, and who did.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = Ownership)))]
#[get("/api/v1/instances/{id}/ownership")]
async fn read_ownership(
    who: Authorised<Read, OfInstance>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let id = who.object.0;
    let found = who.catalog().ownership(id).await?;
    let found = found.ok_or_else(|| Problem::not_found(format!("instance {id}")))?;
    Ok(HttpResponse::Ok().json(Ownership::from(found)))
}
