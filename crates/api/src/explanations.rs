//! Why instances and tasks wait.

pub(crate) mod views;

use actix_web::{HttpRequest, HttpResponse, get};
use engine::ids::InstanceId;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read};
use crate::explanations::views::Explanation;
use crate::http::body::{NoQuery, Query};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(explain_instance).service(explain_task);
}

/// Explains why an instance waits: its own causes, then those of its first waiting tasks.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = Explanation)))]
#[get("/api/v1/instances/{id}/explain")]
async fn explain_instance(
    caller: Caller<Read, InstanceId>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let explanations = caller.catalog().explanations();
    let explained = explanations
        .explain_instance(*caller.object(), caller.visible_projects())
        .await?;
    Ok(HttpResponse::Ok().json(Explanation::from(explained)))
}

/// Explains why a task waits.
#[utoipa::path(tag = "instances", params(("id" = String, Path), ("task" = String, Path)),
    responses((status = 200, body = Explanation)))]
#[get("/api/v1/instances/{id}/tasks/{task}/explain")]
async fn explain_task(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "task")?;
    let explanations = caller.catalog().explanations();
    let explained = explanations
        .explain_task(*caller.object(), &name, caller.visible_projects())
        .await?;
    Ok(HttpResponse::Ok().json(Explanation::from(explained)))
}
