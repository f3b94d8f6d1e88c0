//! Commands about one task of an instance.

use actix_web::{HttpRequest, HttpResponse, post};
use engine::instance::CommandArguments;
use engine::states::Command;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Requirement as _, Write};
use crate::http::body::{Body, Query, ValueBody};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::instances::command_bodies::{
    CommandBody, RetryTaskBody, RunTaskBody, invalid_arguments, retry_arguments, split_reason,
};
use crate::instances::posting::{
    CommandAnswer, CommandQuery, CommandRequest, CommandResult, InstanceCaller, PreviewQuery, run_command,
    run_or_preview,
};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(force_success)
        .service(kill_task)
        .service(skip_task)
        .service(run_task)
        .service(retry_task);
}

macro_rules! task_command {
    ($(#[$doc:meta])* $name:ident, $path:literal, $verb:expr) => {
        $(#[$doc])*
        #[utoipa::path(tag = "instances", request_body = CommandBody,
            params(("id" = String, Path), ("task" = String, Path), CommandQuery,
                ("Idempotency-Key" = Option<String>, Header)),
            responses((status = 200, body = CommandResult), (status = 202, body = CommandResult), (status = 409)))]
        #[post($path)]
        async fn $name(
            caller: InstanceCaller,
            request: HttpRequest,
            query: Query<CommandQuery>,
            body: Body<CommandBody>,
        ) -> Result<HttpResponse, Problem> {
            let task = Some(path_parameter(&request, "task")?);
            let command = CommandRequest::plain($verb, task, body);
            run_command(&caller, &request, query.0.wait.as_deref(), command).await
        }
    };
}

task_command!(
    /// Declares one failed task of a final instance a success.
    force_success, "/api/v1/instances/{id}/tasks/{task}/force-success", Command::ForceSuccess
);
task_command!(
    /// Kills the attempt of one task, which is not tried again; the instance continues as after a failure.
    kill_task, "/api/v1/instances/{id}/tasks/{task}/kill", Command::KillTask
);
task_command!(
    /// Declares one task a success, after the kill of its attempt; what its edges closed is decided again.
    skip_task, "/api/v1/instances/{id}/tasks/{task}/skip", Command::SkipTask
);

/// Runs one task of a final instance, and what `scope` says, whatever became of the others.
#[utoipa::path(tag = "instances", request_body = RunTaskBody,
    params(("id" = String, Path), ("task" = String, Path), PreviewQuery, ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CommandAnswer), (status = 202, body = CommandResult), (status = 409)))]
#[post("/api/v1/instances/{id}/tasks/{task}/run")]
async fn run_task(
    caller: InstanceCaller,
    request: HttpRequest,
    query: Query<PreviewQuery>,
    body: Body<RunTaskBody>,
) -> Result<HttpResponse, Problem> {
    let command = CommandRequest {
        verb: Command::RunTask,
        task: Some(path_parameter(&request, "task")?),
        arguments: body.value.arguments(),
        reason: body.value.reason,
        bytes: body.bytes,
    };
    run_or_preview(&caller, &request, query.0, command).await
}

/// Tries one task again, then what follows it. Changed members need the permission `write`.
#[utoipa::path(tag = "instances", request_body = RetryTaskBody,
    params(("id" = String, Path), ("task" = String, Path), PreviewQuery, ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CommandAnswer), (status = 202, body = CommandResult), (status = 409)))]
#[post("/api/v1/instances/{id}/tasks/{task}/retry")]
async fn retry_task(
    caller: InstanceCaller,
    request: HttpRequest,
    query: Query<PreviewQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let task = path_parameter(&request, "task")?;
    let (reason, members) = split_reason(body.value)?;
    let has_members = members.as_object().is_some_and(|members| !members.is_empty());
    let mut arguments = CommandArguments::default();
    if has_members {
        require_write(&caller, &request).await?;
        let subject = caller.catalog().operations().subject(*caller.object()).await?;
        let overrides = subject.parse_overrides(&task, &members);
        arguments = retry_arguments(overrides.map_err(|issues| invalid_arguments(&issues))?);
    }
    let command = CommandRequest {
        verb: Command::RetryTask,
        task: Some(task),
        reason,
        arguments,
        bytes: body.bytes,
    };
    run_or_preview(&caller, &request, query.0, command).await
}

/// Refuses what needs more than the permission of a command.
async fn require_write(caller: &InstanceCaller, request: &HttpRequest) -> Result<(), Problem> {
    let project = caller.catalog().instances().project_of(*caller.object()).await?;
    caller.check_permission(Write::LEVEL, project, request).await
}
