//! The parameters of a task, with where each came from.

use actix_web::{HttpRequest, HttpResponse, get};
use catalog::TaskParam;
use engine::ids::InstanceId;
use engine::instance::ParamLayer;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::access::{Caller, Read};
use crate::http::body::Query;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

/// What gave a parameter its value.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ParamSource {
    /// The start, a rerun, or a retry that changed the task.
    Start,
    Task,
    /// An output of an earlier task.
    Upstream,
    Workflow,
    Project,
    BuiltIn,
}

impl From<ParamLayer> for ParamSource {
    fn from(layer: ParamLayer) -> Self {
        match layer {
            ParamLayer::Start => Self::Start,
            ParamLayer::Task => Self::Task,
            ParamLayer::Upstream(_) => Self::Upstream,
            ParamLayer::Workflow => Self::Workflow,
            ParamLayer::Project => Self::Project,
            ParamLayer::BuiltIn => Self::BuiltIn,
        }
    }
}

/// A parameter that a task sees.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ParamView {
    name: String,
    value: String,
    from: ParamSource,
    /// The task whose output it is; null unless it is from `upstream`.
    by: Option<String>,
}

impl From<TaskParam> for ParamView {
    fn from(param: TaskParam) -> Self {
        Self {
            name: param.name,
            value: param.value,
            from: param.layer.into(),
            by: param.given_by,
        }
    }
}

/// Lists the parameters of the last attempt of a task by name; before one, of what is known.
#[utoipa::path(tag = "instances", params(("id" = String, Path), ("task" = String, Path), Paging),
    responses((status = 200, body = List<ParamView>)))]
#[get("/params")]
pub(crate) async fn list_params(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let task = path_parameter(&request, "task")?;
    let page = paging.0.page_request()?;
    let params = caller.catalog().tasks().params(*caller.object(), &task, &page);
    Ok(HttpResponse::Ok().json(List::<ParamView>::from_page(params.await?)))
}
