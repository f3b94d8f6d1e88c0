//! Commands to instances: stored in the inbox, announced to the owner, waited for.

use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::rt::task::JoinHandle;
use actix_web::{HttpRequest, HttpResponse, post};
use catalog::{CatalogError, KnownRequest, Operation, PostCommand, PostOutcome};
use engine::ids::{InstanceId, OperationId};
use engine::states::{Command, OperationStatus};
use ports::RequestKey;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Execute};
use crate::http::body::{Body, Query};
use crate::http::codes::Code;
use crate::http::idempotency::{created_resource_missing, find_earlier_request, request_key};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::instances::find_instance;
use crate::instances::views::Instance;
use crate::instances::wait::{CommitWaiter, RowWriter, WaitFor, Wake, parse_wait};
use crate::operations::views::OperationView;

/// Time in which the owner is notified, also of a command whose caller does not wait.
const NOTIFICATION_TIME: Duration = Duration::from_secs(2);

/// Time to wait for the owner's decision unless the caller gives one.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

pub(crate) fn register_instance_routes(config: &mut ServiceConfig) {
    config
        .service(pause_instance)
        .service(resume_instance)
        .service(stop_instance)
        .service(recover_instance)
        .service(rerun_instance);
}

pub(crate) fn register_task_routes(config: &mut ServiceConfig) {
    config.service(force_success);
}

/// The wait of a command.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CommandQuery {
    /// Time to wait for the owner, for example `30s`; `5s` unless given, `0` for none.
    wait: Option<String>,
}

/// The body of a command.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CommandBody {
    /// For the audit log.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// The outcome of a command with the instance after it.
#[derive(Debug, Serialize, ToSchema)]
struct CommandResult {
    operation: OperationView,
    instance: Instance,
}

type InstanceCaller = Caller<Execute, InstanceId>;

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
            run_command(&caller, &request, query.0, CommandRequest { verb: $verb, task: None, body }).await
        }
    };
}

command!(
    /// Lets running tasks end and starts nothing more.
    pause_instance, "/pause", Command::Pause
);
command!(
    /// Continues a paused or stopped instance.
    resume_instance, "/resume", Command::Resume
);
command!(
    /// Kills running tasks and starts nothing more.
    stop_instance, "/stop", Command::Stop
);
command!(
    /// Runs failed and killed tasks again, then what follows.
    recover_instance, "/recover", Command::Recover
);
command!(
    /// Runs all again, with the same choices.
    rerun_instance, "/rerun", Command::Rerun
);

/// Declares one failed task of a final instance a success.
#[utoipa::path(tag = "instances", request_body = CommandBody,
    params(("id" = String, Path), ("task" = String, Path), CommandQuery, ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CommandResult), (status = 202, body = CommandResult), (status = 409)))]
#[post("/force-success")]
async fn force_success(
    caller: InstanceCaller,
    request: HttpRequest,
    query: Query<CommandQuery>,
    body: Body<CommandBody>,
) -> Result<HttpResponse, Problem> {
    let task = Some(path_parameter(&request, "task")?);
    let command = CommandRequest {
        verb: Command::ForceSuccess,
        task,
        body,
    };
    run_command(&caller, &request, query.0, command).await
}

struct CommandRequest {
    verb: Command,
    task: Option<String>,
    body: Body<CommandBody>,
}

async fn run_command(
    caller: &InstanceCaller,
    request: &HttpRequest,
    query: CommandQuery,
    command: CommandRequest,
) -> Result<HttpResponse, Problem> {
    let wait = parse_wait(query.wait.as_deref(), DEFAULT_WAIT)?;
    let id = *caller.object();
    let mut waiter = CommitWaiter::new(caller.server(), id, WaitFor::Decision, wait);
    let key = request_key(caller, request, &command.body.bytes)?;
    let operation = match find_earlier_request(caller, key.as_ref()).await? {
        Some(known) => known_operation(&known)?,
        None => store_command(caller, command, key).await?,
    };
    let node = caller.server().state().node.clone();
    let time = waiter.remaining_time().max(NOTIFICATION_TIME);
    // A task of its own, which continues when the caller does not wait for it.
    let notification = actix_web::rt::spawn(async move { node.notify_owner(id, time).await });
    let decided = wait_for_decision(caller, operation, &mut waiter, notification).await?;
    command_response(caller, decided).await
}

async fn store_command(
    caller: &InstanceCaller,
    command: CommandRequest,
    key: Option<RequestKey>,
) -> Result<OperationId, Problem> {
    let post = PostCommand {
        instance: *caller.object(),
        command: command.verb,
        task: command.task,
        reason: command.body.value.reason,
    };
    let posted = caller
        .catalog()
        .operations()
        .post(&post, &caller.audit_context(key.clone()))
        .await;
    match posted {
        Ok(PostOutcome::Accepted(posted)) => Ok(posted.operation),
        Ok(PostOutcome::InvalidState { detail, .. }) => Err(Problem::new(Code::InvalidState, detail)),
        // The same request came twice at once: the operation of the other one answers both.
        Err(CatalogError::Conflict { code, .. }) if code == Code::IdempotencyKeyInUse.as_str() => {
            match find_earlier_request(caller, key.as_ref()).await? {
                Some(known) => known_operation(&known),
                None => Err(Problem::new(Code::IdempotencyKeyInUse, "Try again in a moment.")),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn known_operation(known: &KnownRequest) -> Result<OperationId, Problem> {
    known
        .resource
        .parse()
        .map_err(|_| created_resource_missing(known))
}

/// Reads the operation once it is decided or the time is over; waits while the database is unavailable.
///
/// The notified owner may be frozen and never answer, while another one takes over and decides: so the row is polled
/// in the meantime.
async fn wait_for_decision(
    caller: &InstanceCaller,
    id: OperationId,
    waiter: &mut CommitWaiter,
    mut notification: JoinHandle<()>,
) -> Result<Operation, Problem> {
    let mut is_notified = false;
    loop {
        let wake = tokio::select! {
            _ = &mut notification, if !is_notified => {
                is_notified = true;
                Wake::Changed
            }
            wake = waiter.wait_for_commit(RowWriter::AnyNode) => wake,
        };
        let timed_out = wake == Wake::TimedOut || waiter.remaining_time().is_zero();
        match caller.catalog().operations().find(id).await {
            Ok(Some(operation)) if operation.outcome != OperationStatus::Pending || timed_out => {
                return Ok(operation);
            }
            Ok(None) => return Err(Problem::not_found(format!("operation {id}"))),
            Err(error) if timed_out => return Err(error.into()),
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

async fn command_response(caller: &InstanceCaller, operation: Operation) -> Result<HttpResponse, Problem> {
    if operation.outcome == OperationStatus::Refused {
        let detail = operation
            .detail
            .unwrap_or_else(|| "The owner refused it.".to_owned());
        return Err(Problem::new(Code::InvalidState, detail));
    }
    let instance = find_instance(caller.server(), *caller.object()).await?;
    let mut response = match operation.outcome {
        OperationStatus::Pending => HttpResponse::Accepted(),
        _ => HttpResponse::Ok(),
    };
    let location = format!("/api/v1/operations/{}", operation.id);
    Ok(response.insert_header((LOCATION, location)).json(CommandResult {
        operation: operation.into(),
        instance: instance.into(),
    }))
}
