//! The task types with the fields of each.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::body::{NoQuery, Query};
use crate::http::paging::List;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(list_task_types);
}

/// A task type.
#[derive(Debug, Serialize, ToSchema)]
struct TaskType {
    /// The value of `type`.
    name: String,
    /// Where tasks of this type run: in the `owner` of the instance, a master, or on a `worker`.
    runs_on: &'static str,
    /// The JSON Schema of a task of this type.
    schema: Value,
}

/// Lists the task types with the JSON Schema of each.
#[utoipa::path(tag = "workflows", responses((status = 200, body = List<TaskType>)))]
#[get("/api/v1/task-types")]
async fn list_task_types(_caller: Caller<AnyUser, System>, _: Query<NoQuery>) -> HttpResponse {
    let types = engine::spec::task_type_schemas().into_iter();
    let items = types.map(|(task_type, schema)| TaskType {
        name: task_type.name.to_owned(),
        runs_on: task_type.site.runs_on(),
        schema,
    });
    HttpResponse::Ok().json(List::single_page(items.collect()))
}
