//! Pause, resume, stop, recover, rerun and force-success: posted to the owner, and waited for.

use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::rt::task::JoinHandle;
use actix_web::{HttpRequest, HttpResponse, post};
use engine::ids::OperationId;
use engine::states::{Outcome, Verb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, Execute, OfInstance, path_value};
use super::body::{Body, Query};
use super::codes::Code;
use super::idempotency::{Seen, gone, key_of, look_up};
use super::instances::read_instance;
use super::problem::Problem;
use super::views::{Instance, Operation};
use super::waits::{Place, Wants, Watch, Woken, read_wait};
use store::catalog::{CatalogError, KnownRequest, Operation as Stored, PostVerb, VerbPosted};

/// How long a verb is waited for unless the caller says otherwise.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(pause_instance)
        .service(resume_instance)
        .service(stop_instance)
        .service(recover_instance)
        .service(rerun_instance)
        .service(force_success);
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VerbQuery {
    /// How long to wait for the owner, for example `30s`; `5s` unless given, `0` for not at all.
    wait: Option<String>,
}

/// What goes with a verb.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerbBody {
    /// For the audit log.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// What became of a verb, and the instance after it.
#[derive(Debug, Serialize, ToSchema)]
struct VerbAnswer {
    operation: Operation,
    instance: Instance,
}

type Caller = Authorised<Execute, OfInstance>;

macro_rules! verb {
    ($(#[$doc:meta])* $name:ident, $path:literal, $verb:expr) => {
        $(#[$doc])*
        #[utoipa::path(tag = "instances", request_body = VerbBody,
            params(("id" = String, Path), VerbQuery, ("Idempotency-Key" = Option<String>, Header)),
            responses((status = 200, body = VerbAnswer), (status = 202, body = VerbAnswer), (status = 409)))]
        #[post($path)]
        async fn $name(
            who: Caller,
            request: HttpRequest,
            query: Query<VerbQuery>,
            body: Body<VerbBody>,
        ) -> Result<HttpResponse, Problem> {
            post_and_wait(&who, &request, query.0, Asked { verb: $verb, task: None, body }).await
        }
    };
}

verb!(
    /// Lets what runs end and starts nothing more.
    pause_instance, "/api/v1/instances/{id}/pause", Verb::Pause
);
verb!(
    /// Goes on from paused or stopped.
    resume_instance, "/api/v1/instances/{id}/resume", Verb::Resume
);
verb!(
    /// Kills what runs.
    stop_instance, "/api/v1/instances/{id}/stop", Verb::Stop
);
verb!(
    /// Runs failed and killed tasks again, then what follows.
    recover_instance, "/api/v1/instances/{id}/recover", Verb::Recover
);
verb!(
    /// Runs all again, with the same choices.
    rerun_instance, "/api/v1/instances/{id}/rerun", Verb::Rerun
);

/// Declares one failed task of a final instance a success.
#[utoipa::path(tag = "instances", request_body = VerbBody,
    params(("id" = String, Path), ("task" = String, Path), VerbQuery, ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = VerbAnswer), (status = 202, body = VerbAnswer), (status = 409)))]
#[post("/api/v1/instances/{id}/tasks/{task}/force-success")]
async fn force_success(
    who: Caller,
    request: HttpRequest,
    query: Query<VerbQuery>,
    body: Body<VerbBody>,
) -> Result<HttpResponse, Problem> {
    let task = Some(path_value(&request, "task")?);
    let asked = Asked {
        verb: Verb::ForceSuccess,
        task,
        body,
    };
    post_and_wait(&who, &request, query.0, asked).await
}

struct Asked {
    verb: Verb,
    task: Option<String>,
    body: Body<VerbBody>,
}

async fn post_and_wait(
    who: &Caller,
    request: &HttpRequest,
    query: VerbQuery,
    asked: Asked,
) -> Result<HttpResponse, Problem> {
    let wait = query
        .wait
        .as_deref()
        .map(read_wait)
        .transpose()?
        .unwrap_or(DEFAULT_WAIT);
    let mut watch = Watch::of(&who.server, who.object.0, Wants::Decision, wait);
    let operation = match look_up(who, request, &asked.body.bytes).await? {
        Seen::Before(known) => operation_of(&known)?,
        Seen::New(_) => post(who, request, asked).await?,
    };
    let (node, id, left) = (who.server.state.node.clone(), who.object.0, watch.left());
    let poke = actix_web::rt::spawn(async move { node.notify_owner(id, left).await });
    let decided = decided(who, operation, &mut watch, poke).await?;
    answer(who, decided).await
}

async fn post(who: &Caller, request: &HttpRequest, asked: Asked) -> Result<OperationId, Problem> {
    let key = key_of(request, &who.identity.name, &asked.body.bytes)?;
    let post = PostVerb {
        instance: who.object.0,
        verb: asked.verb,
        task: asked.task,
        reason: asked.body.value.reason,
    };
    match who.catalog().post_verb(&post, &who.request(key)).await {
        Ok(VerbPosted::Accepted(posted)) => Ok(posted.operation),
        Ok(VerbPosted::InvalidState { detail, .. }) => Err(Problem::new(Code::InvalidState, detail)),
        // The same request came twice at once: the other one's operation is the answer to both.
        Err(CatalogError::Conflict { code, .. }) if code == Code::IdempotencyKeyInUse.as_str() => {
            match look_up(who, request, &asked.body.bytes).await? {
                Seen::Before(known) => operation_of(&known),
                Seen::New(_) => Err(Problem::new(Code::IdempotencyKeyInUse, "Try again in a moment.")),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn operation_of(known: &KnownRequest) -> Result<OperationId, Problem> {
    known.resource.parse().map_err(|_| gone(known))
}

/// Reads the operation once it is decided or the time is over; a database that is away is waited for. The owner that
/// is poked may be frozen and never answer, while another one takes over and decides: so the row is looked at meanwhile.
async fn decided(
    who: &Caller,
    id: OperationId,
    watch: &mut Watch,
    mut poke: JoinHandle<()>,
) -> Result<Stored, Problem> {
    let mut poked = false;
    loop {
        let woken = tokio::select! {
            _ = &mut poke, if !poked => {
                poked = true;
                Woken::Look
            }
            woken = watch.next(Place::Elsewhere) => woken,
        };
        let over = woken == Woken::Over || watch.left().is_zero();
        match who.catalog().operation(id).await {
            Ok(Some(operation)) if operation.outcome != Outcome::Pending || over => return Ok(operation),
            Ok(None) => return Err(Problem::not_found(format!("operation {id}"))),
            Err(error) if over => return Err(error.into()),
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

async fn answer(who: &Caller, operation: Stored) -> Result<HttpResponse, Problem> {
    if operation.outcome == Outcome::Refused {
        let detail = operation
            .detail
            .unwrap_or_else(|| "The owner refused it.".to_owned());
        return Err(Problem::new(Code::InvalidState, detail));
    }
    let instance = read_instance(&who.server, who.object.0).await?;
    let mut answer = match operation.outcome {
        Outcome::Pending => HttpResponse::Accepted(),
        _ => HttpResponse::Ok(),
    };
    let location = format!("/api/v1/operations/{}", operation.id);
    Ok(answer.insert_header((LOCATION, location)).json(VerbAnswer {
        operation: operation.into(),
        instance: instance.into(),
    }))
}
