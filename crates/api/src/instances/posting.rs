//! Commands on their way: stored in the inbox, announced to the owner, waited for.

use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::rt::task::JoinHandle;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use catalog::{CatalogError, KnownRequest, Operation, PostCommand, PostOutcome};
use engine::ids::{InstanceId, OperationId};
use engine::instance::CommandArguments;
use engine::states::{Command, OperationStatus};
use ports::RequestKey;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::access::{Caller, Execute};
use crate::http::body::Body;
use crate::http::codes::Code;
use crate::http::idempotency::{created_resource_missing, find_earlier_request, request_key};
use crate::http::problem::Problem;
use crate::instances::command_bodies::CommandBody;
use crate::instances::find_instance;
use crate::instances::views::Instance;
use crate::instances::wait::{CommitWaiter, RowWriter, WaitFor, Wake, parse_wait};
use crate::operations::views::OperationView;

/// Time in which the owner is notified, also of a command whose caller does not wait.
pub(super) const NOTIFICATION_TIME: Duration = Duration::from_secs(2);

/// Time to wait for the owner's decision unless the caller gives one.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// The wait of a command.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CommandQuery {
    /// Time to wait for the owner, for example `30s`; `5s` unless given, `0` for none.
    pub(crate) wait: Option<String>,
}

/// The wait of a command that can be tried out.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewQuery {
    /// Time to wait for the owner, for example `30s`; `5s` unless given, `0` for none.
    wait: Option<String>,
    /// Only says which tasks would be pending again.
    dry_run: Option<bool>,
}

/// What a command would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandPreview {
    /// The names of the tasks that would be pending again, in the order of the document.
    tasks: Vec<String>,
}

/// The outcome of a command with the instance after it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandResult {
    operation: OperationView,
    instance: Instance,
}

/// The answer to a command that can be tried out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum CommandAnswer {
    /// It was posted.
    Result(Box<CommandResult>),
    /// It was tried out.
    Preview(CommandPreview),
}

/// A caller who may control an instance.
pub(crate) type InstanceCaller = Caller<Execute, InstanceId>;

/// A command as it was sent.
pub(crate) struct CommandRequest {
    pub(crate) verb: Command,
    pub(crate) task: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) arguments: CommandArguments,
    /// The body as it came, which identifies a repeated request.
    pub(crate) bytes: Bytes,
}

impl CommandRequest {
    /// Makes a command that says nothing beside its verb.
    pub(crate) fn plain(verb: Command, task: Option<String>, body: Body<CommandBody>) -> Self {
        Self {
            verb,
            task,
            reason: body.value.reason,
            arguments: CommandArguments::default(),
            bytes: body.bytes,
        }
    }

    fn into_post(self, instance: InstanceId) -> PostCommand {
        PostCommand {
            instance,
            command: self.verb,
            task: self.task,
            reason: self.reason,
            arguments: self.arguments,
        }
    }
}

/// Posts a command, or only says what it would do. A dry run changes nothing and takes no notice of its key.
pub(crate) async fn run_or_preview(
    caller: &InstanceCaller,
    request: &HttpRequest,
    query: PreviewQuery,
    command: CommandRequest,
) -> Result<HttpResponse, Problem> {
    if query.dry_run != Some(true) {
        return run_command(caller, request, query.wait.as_deref(), command).await;
    }
    let post = command.into_post(*caller.object());
    let user = &caller.identity().name;
    match caller.catalog().operations().preview(&post, user).await? {
        Ok(tasks) => Ok(HttpResponse::Ok().json(CommandAnswer::Preview(CommandPreview { tasks }))),
        Err(refusal) => Err(Problem::new(Code::InvalidState, refusal)),
    }
}

/// Posts a command, and answers with its outcome, or when the time to wait is over.
pub(crate) async fn run_command<N>(
    caller: &Caller<N, InstanceId>,
    request: &HttpRequest,
    wait: Option<&str>,
    command: CommandRequest,
) -> Result<HttpResponse, Problem> {
    let wait = parse_wait(wait, DEFAULT_WAIT)?;
    let id = *caller.object();
    let mut waiter = CommitWaiter::new(caller.server(), id, WaitFor::Decision, wait);
    let key = request_key(caller, request, &command.bytes)?;
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

async fn store_command<N>(
    caller: &Caller<N, InstanceId>,
    command: CommandRequest,
    key: Option<RequestKey>,
) -> Result<OperationId, Problem> {
    let post = command.into_post(*caller.object());
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
async fn wait_for_decision<N>(
    caller: &Caller<N, InstanceId>,
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

async fn command_response<N>(
    caller: &Caller<N, InstanceId>,
    operation: Operation,
) -> Result<HttpResponse, Problem> {
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
    let result = CommandResult {
        operation: operation.into(),
        instance: instance.into(),
    };
    let answer = CommandAnswer::Result(Box::new(result));
    Ok(response.insert_header((LOCATION, location)).json(answer))
}
