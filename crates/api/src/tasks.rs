//! The tasks of an instance.

use actix_web::{HttpRequest, HttpResponse, get};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, OfInstance, Read, path_value};
use super::body::{NoQuery, Query};
use super::lists::{List, Paging};
use super::problem::Problem;
use super::views::{Task, TaskDetail};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(list_tasks).service(read_task);
}

/// Lists the tasks of an instance in the order of the document.
#[utoipa::path(tag = "instances", params(("id" = String, Path), Paging),
    responses((status = 200, body = List<Task>)))]
#[get("/api/v1/instances/{id}/tasks")]
async fn list_tasks(
    who: Authorised<Read, OfInstance>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = who.catalog().tasks(who.object.0, &paging.0.request()?).await?;
    Ok(HttpResponse::Ok().json(List::<Task>::of(page)))
}

/// Reads one task of an instance with its attempts.
#[utoipa::path(tag = "instances", params(("id" = String, Path), ("task" = String, Path)),
    responses((status = 200, body = TaskDetail)))]
#[get("/api/v1/instances/{id}/tasks/{task}")]
async fn read_task(
    who: Authorised<Read, OfInstance>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_value(&request, "task")?;
    let detail = who.catalog().task(who.object.0, &name).await?;
    Ok(HttpResponse::Ok().json(TaskDetail::from(detail)))
}
