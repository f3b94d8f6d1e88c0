//! Commands to backfills: stored at once, then followed by every master.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, post};
use catalog::PostBackfillCommand;
use engine::backfill::{BackfillCommand, StopMode, parse_parallelism};
use engine::ids::{BackfillId, InstanceId};
use engine::start::Start;
use ports::RequestKey;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Execute};
use crate::backfills::create::{invalid_request, parse_start};
use crate::backfills::find_backfill;
use crate::backfills::views::Backfill;
use crate::http::body::{Body, NoQuery, Query, ValueBody};
use crate::http::idempotency::{find_earlier_request, request_key};
use crate::http::problem::Problem;

/// Time in which the owner of a stopped instance is notified.
const NOTIFICATION_TIME: Duration = Duration::from_secs(2);

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(pause_backfill)
        .service(resume_backfill)
        .service(set_parallelism)
        .service(cancel_backfill)
        .service(retry_backfill);
}

/// The body of a command without choices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlainBackfillCommand {}

/// How many instances may be open.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
struct SetParallelism {
    #[schema(minimum = 1, maximum = 1000)]
    parallelism: u32,
}

/// What a cancelled backfill does with what runs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelBackfill {
    /// Open instances are stopped.
    #[serde(default)]
    stop_running: bool,
}

/// What a retry runs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryBackfill {
    /// The version of the instances from now on; that of the backfill unless given.
    #[schema(minimum = 1)]
    version: Option<i64>,
}

type BackfillCaller = Caller<Execute, BackfillId>;

/// Lets what runs continue, and starts no further date.
#[utoipa::path(tag = "backfills", request_body = PlainBackfillCommand,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Backfill), (status = 409)))]
#[post("/pause")]
async fn pause_backfill(
    caller: BackfillCaller,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PlainBackfillCommand>,
) -> Result<HttpResponse, Problem> {
    let key = request_key(&caller, &request, &body.bytes)?;
    apply_command(&caller, BackfillCommand::Pause, None, key).await
}

/// Starts dates again.
#[utoipa::path(tag = "backfills", request_body = PlainBackfillCommand,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Backfill), (status = 409)))]
#[post("/resume")]
async fn resume_backfill(
    caller: BackfillCaller,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PlainBackfillCommand>,
) -> Result<HttpResponse, Problem> {
    let key = request_key(&caller, &request, &body.bytes)?;
    apply_command(&caller, BackfillCommand::Resume, None, key).await
}

/// Changes how many instances may be open, from the next date on.
#[utoipa::path(tag = "backfills", request_body = SetParallelism,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Backfill), (status = 409)))]
#[post("/parallelism")]
async fn set_parallelism(
    caller: BackfillCaller,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let parallelism = parse_parallelism(&body.value).map_err(|issues| invalid_request(&issues))?;
    let key = request_key(&caller, &request, &body.bytes)?;
    apply_command(&caller, BackfillCommand::SetParallelism(parallelism), None, key).await
}

/// Lets dates that have not started not run.
#[utoipa::path(tag = "backfills", request_body = CancelBackfill,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Backfill), (status = 409)))]
#[post("/cancel")]
async fn cancel_backfill(
    caller: BackfillCaller,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CancelBackfill>,
) -> Result<HttpResponse, Problem> {
    let key = request_key(&caller, &request, &body.bytes)?;
    let mode = if body.value.stop_running {
        StopMode::StopRunning
    } else {
        StopMode::LetRun
    };
    apply_command(&caller, BackfillCommand::Cancel(mode), None, key).await
}

/// Runs failed, stopped and not run dates again.
#[utoipa::path(tag = "backfills", request_body = RetryBackfill,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Backfill), (status = 409)))]
#[post("/retry")]
async fn retry_backfill(
    caller: BackfillCaller,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<RetryBackfill>,
) -> Result<HttpResponse, Problem> {
    let key = request_key(&caller, &request, &body.bytes)?;
    let version = body.value.version;
    let start = match version {
        Some(version) => Some(start_of_version(&caller, version).await?),
        None => None,
    };
    apply_command(&caller, BackfillCommand::Retry { version }, start, key).await
}

/// Checks the start of the backfill against another version.
async fn start_of_version(caller: &BackfillCaller, version: i64) -> Result<Start, Problem> {
    let (target, body) = caller
        .catalog()
        .backfills()
        .retry_target(*caller.object(), version)
        .await?;
    parse_start(caller.server(), &target, &body)
}

/// Applies a command once for each idempotency key, and answers with the backfill after it.
async fn apply_command(
    caller: &BackfillCaller,
    command: BackfillCommand,
    start: Option<Start>,
    key: Option<RequestKey>,
) -> Result<HttpResponse, Problem> {
    let id = *caller.object();
    if find_earlier_request(caller, key.as_ref()).await?.is_none() {
        let post = PostBackfillCommand {
            backfill: id,
            command,
            start,
        };
        let context = caller.audit_context(key);
        let stopped = caller.catalog().backfills().command(&post, &context).await?;
        caller.server().state().node.commit_events().publish_backfill(id);
        notify_owners(caller, stopped);
    }
    let row = find_backfill(caller.server(), id).await?;
    Ok(HttpResponse::Ok().json(Backfill::from(row)))
}

/// Lets the owners of stopped instances read their inboxes; a lost notice is made good by their own reading.
fn notify_owners(caller: &BackfillCaller, stopped: Vec<InstanceId>) {
    for id in stopped {
        let node = caller.server().state().node.clone();
        actix_web::rt::spawn(async move { node.notify_owner(id, NOTIFICATION_TIME).await });
    }
}
