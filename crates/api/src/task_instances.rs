//! The tasks of all instances.

use actix_web::{HttpResponse, get};
use catalog::{InstanceFilter, TaskInstanceFilter, TaskInstanceRow, TimeRange, VisibilityScope};
use engine::states::TaskState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::body::Query;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;
use crate::instances::filter::{parse_from, parse_states, parse_to};
use crate::tasks::views::Task;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(list_task_instances);
}

/// The filter of the list; everything given must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct TaskInstanceQuery {
    /// The project's name.
    project: Option<String>,
    /// The workflow's name.
    workflow: Option<String>,
    /// The task's name.
    task: Option<String>,
    /// A state; repeated or with commas, any of several.
    state: Option<String>,
    /// The node name of the last attempt.
    worker: Option<String>,
    /// The first start of a first attempt, RFC 3339 with an offset.
    #[param(format = DateTime)]
    from: Option<String>,
    /// The last start of a first attempt, RFC 3339 with an offset.
    #[param(format = DateTime)]
    to: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl TaskInstanceQuery {
    fn into_filter(self, visible: VisibilityScope) -> Result<(TaskInstanceFilter, Paging), Problem> {
        let states: Vec<TaskState> = parse_states(self.state.as_deref())?;
        let filter = TaskInstanceFilter {
            instances: InstanceFilter {
                project: self.project,
                workflow: self.workflow,
                ..InstanceFilter::visible_to(visible)
            },
            task: self.task,
            states,
            worker: self.worker,
            started: TimeRange {
                from: parse_from("from", self.from.as_deref())?,
                to: parse_to("to", self.to.as_deref())?,
            },
        };
        let paging = Paging {
            limit: self.limit,
            cursor: self.cursor,
        };
        Ok((filter, paging))
    }
}

/// A task with its instance.
#[derive(Debug, Serialize, ToSchema)]
struct TaskInstance {
    instance: String,
    project: String,
    workflow: String,
    #[serde(flatten)]
    task: Task,
}

impl From<TaskInstanceRow> for TaskInstance {
    fn from(row: TaskInstanceRow) -> Self {
        Self {
            instance: row.instance.to_string(),
            project: row.project,
            workflow: row.workflow,
            task: row.task.into(),
        }
    }
}

/// Lists the tasks of all instances that have an attempt, the last started first. A page may hold fewer than `limit` and
/// still have a next one.
#[utoipa::path(tag = "instances", params(TaskInstanceQuery),
    responses((status = 200, body = List<TaskInstance>)))]
#[get("/api/v1/task-instances")]
async fn list_task_instances(
    caller: Caller<AnyUser, System>,
    query: Query<TaskInstanceQuery>,
) -> Result<HttpResponse, Problem> {
    let (filter, paging) = query.0.into_filter(caller.visible_projects())?;
    let tasks = caller.catalog().task_instances();
    let page = tasks.list(&filter, &paging.page_request()?).await?;
    Ok(HttpResponse::Ok().json(List::<TaskInstance>::from_page(page)))
}
