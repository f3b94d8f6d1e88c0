//! Commands to instances.

use actix_web::{HttpRequest, HttpResponse, post};
use engine::instance::CommandArguments;
use engine::states::Command;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::body::{Body, Query, ValueBody};
use crate::http::problem::Problem;
use crate::instances::command_bodies::{
    CommandBody, PriorityBody, RerunBody, invalid_arguments, split_params, split_reason,
};
use crate::instances::posting::{
    CommandAnswer, CommandQuery, CommandRequest, CommandResult, InstanceCaller, PreviewQuery, run_command,
    run_or_preview,
};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(pause_instance)
        .service(resume_instance)
        .service(stop_instance)
        .service(recover_instance)
        .service(rerun_instance)
        .service(set_priority);
}

macro_rules! command {
    ($(#[$doc:meta])* $name:ident, $path:literal, $verb:expr) => {
        $(#[$doc])*
        #[utoipa::path(tag = "instances", request_body = CommandBody,
            params(("id" = String, Path), CommandQuery, ("Idempotency-Key" = Option<String>, Header)),
            responses((status = 200, body = CommandResult), (status = 202, body = CommandResult), (status = 409)))]
        #[post($path)]
        async fn $name(
            caller: InstanceCaller,
            request: HttpRequest,
            query: Query<CommandQuery>,
            body: Body<CommandBody>,
        ) -> Result<HttpResponse, Problem> {
            run_command(&caller, &request, query.0.wait.as_deref(), CommandRequest::plain($verb, None, body)).await
        }
    };
}

command!(
    /// Lets running tasks end and starts nothing more.
    pause_instance, "/api/v1/instances/{id}/pause", Command::Pause
);
command!(
    /// Kills running tasks and starts nothing more.
    stop_instance, "/api/v1/instances/{id}/stop", Command::Stop
);

macro_rules! preview_command {
    ($(#[$doc:meta])* $name:ident, $path:literal, $verb:expr) => {
        $(#[$doc])*
        #[utoipa::path(tag = "instances", request_body = CommandBody,
            params(("id" = String, Path), PreviewQuery, ("Idempotency-Key" = Option<String>, Header)),
            responses((status = 200, body = CommandAnswer), (status = 202, body = CommandResult), (status = 409)))]
        #[post($path)]
        async fn $name(
            caller: InstanceCaller,
            request: HttpRequest,
            query: Query<PreviewQuery>,
            body: Body<CommandBody>,
        ) -> Result<HttpResponse, Problem> {
            run_or_preview(&caller, &request, query.0, CommandRequest::plain($verb, None, body)).await
        }
    };
}

preview_command!(
    /// Continues a paused or stopped instance.
    resume_instance, "/api/v1/instances/{id}/resume", Command::Resume
);
preview_command!(
    /// Runs failed and killed tasks again, then what follows.
    recover_instance, "/api/v1/instances/{id}/recover", Command::Recover
);

/// Runs all again, with the same choices, but for the parameters that are given.
#[utoipa::path(tag = "instances", request_body = RerunBody,
    params(("id" = String, Path), PreviewQuery, ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CommandAnswer), (status = 202, body = CommandResult), (status = 409)))]
#[post("/api/v1/instances/{id}/rerun")]
async fn rerun_instance(
    caller: InstanceCaller,
    request: HttpRequest,
    query: Query<PreviewQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let (reason, rest) = split_reason(body.value)?;
    let mut arguments = CommandArguments::default();
    if let Some(params) = split_params(rest)? {
        let subject = caller.catalog().operations().subject(*caller.object()).await?;
        let parsed = subject.parse_params(&params);
        arguments.params = parsed.map_err(|issues| invalid_arguments(&issues))?;
    }
    let command = CommandRequest {
        verb: Command::Rerun,
        task: None,
        reason,
        arguments,
        bytes: body.bytes,
    };
    run_or_preview(&caller, &request, query.0, command).await
}

/// Says how urgent an open instance is, for whatever of it waits.
#[utoipa::path(tag = "instances", request_body = PriorityBody,
    params(("id" = String, Path), CommandQuery, ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CommandResult), (status = 202, body = CommandResult), (status = 409)))]
#[post("/api/v1/instances/{id}/priority")]
async fn set_priority(
    caller: InstanceCaller,
    request: HttpRequest,
    query: Query<CommandQuery>,
    body: Body<PriorityBody>,
) -> Result<HttpResponse, Problem> {
    let command = CommandRequest {
        verb: Command::Priority,
        task: None,
        arguments: body.value.arguments()?,
        reason: body.value.reason,
        bytes: body.bytes,
    };
    run_command(&caller, &request, query.0.wait.as_deref(), command).await
}
