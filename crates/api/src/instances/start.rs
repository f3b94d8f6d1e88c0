//! Starts of instances, once per idempotency key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, post};
use catalog::{InstanceRow, StartCandidate};
use engine::ids::InstanceId;
use engine::plan::Plan;
use engine::spec::Definition;
use engine::spec::Diagnostic;
use engine::states::InstanceState;
use engine::trigger::Trigger;
use ports::{NewInstance, RequestKey, StartOrigin, StartedVersion, StoreError, WriteOutcome};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::alerts::channel_check::{PlacedRules, check_channels};
use crate::auth::access::{Caller, Execute};
use crate::auth::server::Server;
use crate::http::body::{Query, ValueBody};
use crate::http::codes::Code;
use crate::http::idempotency::{find_earlier_request, key_reused, request_key};
use crate::http::problem::{Detail, Problem};
use crate::instances::continuation::{find_continuation, split_continuation};
use crate::instances::find_instance;
use crate::instances::views::Instance;
use crate::instances::wait::{CommitWaiter, RowWriter, WaitFor, Wake, parse_wait};

/// The number of times that a create with a key is sent when its outcome is uncertain.
const MAX_TRIES: u32 = 3;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(start_instance);
}

/// The choices of a start. All are optional.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
struct StartInstance {
    /// Parameters that the workflow declares, name to value.
    params: Option<BTreeMap<String, Value>>,
    /// The newest unless given.
    version: Option<i64>,
    /// Names of the chosen tasks.
    tasks: Option<Vec<String>>,
    /// `all`, `only`, `upstream` or `downstream`.
    scope: Option<String>,
    /// `continue` or `end`.
    failure_strategy: Option<String>,
    /// `highest`, `high`, `medium`, `low` or `lowest`.
    priority: Option<String>,
    /// Replaces the workflow's default group.
    worker_group: Option<String>,
    /// The graph runs and every task succeeds at once, without a process.
    dry_run: Option<bool>,
    /// RFC 3339; the base of time parameters.
    scheduled_at: Option<String>,
    /// The zone of time parameters, an IANA name; the workflow's unless given, else the server's.
    timezone: Option<String>,
    /// Added to those of the workflow; of one name, these win.
    labels: Option<BTreeMap<String, Value>>,
    /// The longest time for which it may be queued, for example `10m`; the workflow's unless given.
    start_within: Option<String>,
    /// Rules of alerts of this instance, as `notify` of a document; an empty list silences those of the document.
    #[schema(value_type = Option<Vec<Object>>)]
    notify: Option<Vec<Value>>,
    /// Take over what succeeded in an instance that has ended and is still the same, and what the start leaves out.
    continue_from: Option<ContinueFrom>,
}

/// An instance that has ended.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers")]
struct ContinueFrom {
    /// Its id.
    instance: String,
}

/// The wait of a start.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StartQuery {
    /// Time to wait until the instance is final or paused, for example `30s`; none unless given.
    wait: Option<String>,
}

/// Starts an instance of a workflow.
#[utoipa::path(tag = "instances", request_body = StartInstance,
    params(("project" = String, Path), ("workflow" = String, Path), StartQuery,
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = Instance), (status = 409)))]
#[post("/instances")]
async fn start_instance(
    caller: Caller<Execute, StartCandidate>,
    request: HttpRequest,
    query: Query<StartQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let wait = parse_wait(query.0.wait.as_deref(), Duration::ZERO)?;
    let key = request_key(&caller, &request, &body.bytes)?;
    let instance = match find_earlier_request(&caller, key.as_ref()).await? {
        Some(known) => {
            let id = known.resource.parse().map_err(Problem::internal)?;
            wait_until_idle(caller.server(), id, wait).await?.into()
        }
        None => create_and_wait(&caller, body.value, key, wait).await?,
    };
    let location = format!("/api/v1/instances/{}", instance.id());
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .json(instance))
}

/// Creates the instance; without a wait the committed row is the answer, and nothing is read back.
async fn create_and_wait(
    caller: &Caller<Execute, StartCandidate>,
    body: Value,
    key: Option<RequestKey>,
    wait: Duration,
) -> Result<Instance, Problem> {
    let (new, definition) = new_instance(caller, body, key).await?;
    let server = caller.server();
    match create_instance(server, &new).await? {
        WriteOutcome::Created { id, owner, admission } if wait.is_zero() => {
            Ok(Instance::from_new(id, new, (owner, admission), &definition))
        }
        WriteOutcome::Created { id, .. } | WriteOutcome::Known { id } => {
            Ok(wait_until_idle(server, id, wait).await?.into())
        }
        WriteOutcome::KeyReused => Err(key_reused()),
        WriteOutcome::Rejected(why) => Err(Problem::internal(why)),
        WriteOutcome::Stored | WriteOutcome::Stale | WriteOutcome::NoPlace(_) | WriteOutcome::NoRoom(_) => {
            Err(Problem::internal("a create was answered as a commit"))
        }
    }
}

/// Checks the choices of a start against the definition of the chosen version.
async fn new_instance(
    caller: &Caller<Execute, StartCandidate>,
    body: Value,
    key: Option<RequestKey>,
) -> Result<(NewInstance, Arc<Definition>), Problem> {
    let asked = body.clone();
    let (version, choices) = split_version(body)?;
    let (from, mut choices) = split_continuation(choices)?;
    let target = caller
        .catalog()
        .workflows()
        .start_target(caller.object().clone(), version)
        .await?;
    let continuation = match from {
        None => None,
        Some(from) => Some((from, find_continuation(caller, from, target.workflow_id).await?)),
    };
    if let Some((_, continuation)) = &continuation {
        continuation.inherit_choices(&mut choices, &target.definition);
    }
    let started = StartedVersion {
        project_id: target.project.id.0,
        project: &target.project.name,
        project_params: &target.project.params,
        project_defaults: &target.project.defaults,
        workflow_id: target.workflow_id.0,
        version: target.version,
        definition: &target.definition,
        server_timezone: caller.server().state().timezone,
    };
    let origin = StartOrigin {
        trigger: Trigger::Api,
        requested_by: Some(caller.identity().name.clone()),
        at: caller.server().now(),
    };
    let mut new = started
        .new_instance(&choices, origin)
        .map_err(|issues| invalid_start(&issues))?;
    let rules = PlacedRules {
        pointer: "/notify".to_owned(),
        rules: new.start.notify.as_deref().unwrap_or_default(),
    };
    check_channels(caller.catalog(), Some(target.project.id), &[rules], |_| None).await?;
    // With the version, and without what the continued instance gave.
    new.start.body = asked
        .as_object()
        .is_some_and(|members| !members.is_empty())
        .then_some(asked);
    let continued_from = continuation.map(|(from, continuation)| {
        let plan = Plan::new(Arc::clone(&target.definition), Arc::new(new.start.clone()));
        (from, continuation.reusable_rows(&plan))
    });
    let new = NewInstance {
        request_key: key,
        continued_from,
        ..new
    };
    Ok((new, target.definition))
}

/// Takes the version out of the body: it names the definition that the rest is checked against.
pub(crate) fn split_version(mut body: Value) -> Result<(Option<i64>, Value), Problem> {
    let invalid = |detail: &str, pointer: &str| Problem::new(Code::InvalidBody, detail).at(pointer);
    let Some(members) = body.as_object_mut() else {
        return Err(invalid("The body must be a JSON object.", "/"));
    };
    let version = match members.shift_remove("version") {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_i64().filter(|version| *version >= 1) {
            Some(version) => Some(version),
            None => return Err(invalid("`version` is a whole number from 1.", "/version")),
        },
    };
    Ok((version, body))
}

fn invalid_start(issues: &[Diagnostic]) -> Problem {
    let has = |code: &Code| issues.iter().any(|issue| issue.code == code.as_str());
    let own_code = [Code::UnknownParameter, Code::UnknownTimezone]
        .into_iter()
        .find(has);
    let code = own_code.unwrap_or(Code::InvalidStart);
    let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
    let first = errors
        .first()
        .map(|error| error.message.clone())
        .unwrap_or_default();
    Problem::new(code, first).with_errors(errors)
}

async fn create_instance(server: &Server, new: &NewInstance) -> Result<WriteOutcome, Problem> {
    let mut tries = 0;
    loop {
        tries += 1;
        return match server.state().node.create_instance(new.clone()).await {
            Ok(outcome) => Ok(outcome),
            // With a key a repetition is harmless, and finds what may have been stored.
            Err(StoreError::Uncertain(_)) if new.request_key.is_some() && tries < MAX_TRIES => continue,
            Err(error) => Err(error.into()),
        };
    }
}

/// Reads the instance, once it is final or paused, needs a person, or the time is over.
async fn wait_until_idle(server: &Server, id: InstanceId, wait: Duration) -> Result<InstanceRow, Problem> {
    let mut waiter = CommitWaiter::new(server, id, WaitFor::State, wait);
    loop {
        let row = find_instance(server, id).await?;
        let is_idle = row.state.is_final() || row.state == InstanceState::Paused || row.attention.is_some();
        if is_idle || waiter.remaining_time().is_zero() {
            return Ok(row);
        }
        let writer = if row.owner == Some(server.state().node.this_node().incarnation) {
            RowWriter::ThisNode
        } else {
            RowWriter::AnyNode
        };
        if waiter.wait_for_commit(writer).await == Wake::TimedOut {
            return find_instance(server, id).await;
        }
    }
}

#[cfg(test)]
mod tests;
