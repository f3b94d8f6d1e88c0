//! The task types and what each takes.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, Everything, SignedIn};
use super::body::{NoQuery, Query};
use super::lists::List;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(list_task_types);
}

/// A task type.
#[derive(Debug, Serialize, ToSchema)]
struct TaskType {
    /// The value of `type`.
    name: String,
    /// The JSON Schema of a task of this type.
    schema: Value,
}

/// Lists the task types with the JSON Schema of each.
#[utoipa::path(tag = "workflows", responses((status = 200, body = List<TaskType>)))]
#[get("/api/v1/task-types")]
async fn list_task_types(_who: Authorised<SignedIn, Everything>, _: Query<NoQuery>) -> HttpResponse {
    let types = engine::document::task_types().into_iter();
    let shown = types.map(|(name, schema)| TaskType {
        name: name.to_owned(),
        schema,
    });
    HttpResponse::Ok().json(List::whole(shown.collect()))
}
