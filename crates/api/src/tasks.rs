//! The tasks of an instance.

pub(crate) mod children;
mod params;
pub(crate) mod views;

use actix_web::{HttpRequest, HttpResponse, get};
use engine::ids::InstanceId;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read};
use crate::http::body::{NoQuery, Query};
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::tasks::children::list_children;
use crate::tasks::params::list_params;
use crate::tasks::views::{Task, TaskDetail};

pub(crate) fn register_instance_routes(config: &mut ServiceConfig) {
    config.service(list_tasks);
}

pub(crate) fn register_task_routes(config: &mut ServiceConfig) {
    config
        .service(read_task)
        .service(list_children)
        .service(list_params);
}

/// Lists the tasks of an instance in the order of the document.
#[utoipa::path(tag = "instances", params(("id" = String, Path), Paging),
    responses((status = 200, body = List<Task>)))]
#[get("/tasks")]
async fn list_tasks(
    caller: Caller<Read, InstanceId>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = caller
        .catalog()
        .tasks()
        .list(*caller.object(), &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<Task>::from_page(page)))
}

/// Reads one task of an instance with its attempts.
#[utoipa::path(tag = "instances", params(("id" = String, Path), ("task" = String, Path)),
    responses((status = 200, body = TaskDetail)))]
#[get("")]
async fn read_task(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "task")?;
    let detail = caller.catalog().tasks().find(*caller.object(), &name).await?;
    Ok(HttpResponse::Ok().json(TaskDetail::from(detail)))
}
