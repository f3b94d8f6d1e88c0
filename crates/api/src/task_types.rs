//! The task types with the fields of each.

use actix_web::{HttpResponse, get};
use catalog::Page;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::body::Query;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;

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

/// The name of the list in its cursors.
const LIST: &str = "task_types";

/// Lists the task types with the JSON Schema of each.
#[utoipa::path(tag = "workflows", params(Paging), responses((status = 200, body = List<TaskType>)))]
#[get("/task-types")]
async fn list_task_types(
    _caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = paging.0.page_request()?;
    let types = engine::spec::task_type_schemas().into_iter();
    let mut items: Vec<TaskType> = types
        .map(|(task_type, schema)| TaskType {
            name: task_type.name.to_owned(),
            runs_on: task_type.site.runs_on(),
            schema,
        })
        .collect();
    if let Some(last) = page.after::<String>(LIST)? {
        let shown = items.iter().position(|item| item.name == last);
        items.drain(..shown.map_or(0, |position| position + 1));
    }
    let page = Page::cut(LIST, &page, items, |item| item.name.clone());
    Ok(HttpResponse::Ok().json(List::<TaskType>::from_page(page)))
}
