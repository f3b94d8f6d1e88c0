//! Starts instances, once per idempotency key, and waits for their rest when asked to.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, post};
use actors::ports::{NewInstance, RequestKey, StoreError, WriteOutcome};
use engine::ids::InstanceId;
use engine::plan::Plan;
use engine::start::Start;
use engine::states::InstanceState;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, Execute, OfStartable, Server};
use super::body::{Body, Query};
use super::codes::Code;
use super::idempotency::{Seen, look_up, reused};
use super::instances::read_instance;
use super::problem::{Detail, Problem};
use super::views::Instance;
use super::waits::{Place, Wants, Watch, Woken, read_wait};
use store::catalog::{InstanceRow, StartTarget};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(start_instance);
}

/// Choices of a start. All are optional.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine reads it")]
struct StartInstance {
    /// Parameters that the workflow declares, name to value.
    params: Option<std::collections::BTreeMap<String, Value>>,
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
}

/// Whether to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StartQuery {
    /// How long to wait for the rest of the instance, for example `30s`; not at all unless given.
    wait: Option<String>,
}

/// Starts an instance of a workflow.
#[utoipa::path(tag = "instances", request_body = StartInstance,
    params(("project" = String, Path), ("workflow" = String, Path), StartQuery,
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = Instance), (status = 409)))]
#[post("/api/v1/projects/{project}/workflows/{workflow}/instances")]
async fn start_instance(
    who: Authorised<Execute, OfStartable>,
    request: HttpRequest,
    query: Query<StartQuery>,
    body: Body<Value>,
) -> Result<HttpResponse, Problem> {
    let wait = query
        .0
        .wait
        .as_deref()
        .map(read_wait)
        .transpose()?
        .unwrap_or_default();
    let key = match look_up(&who, &request, &body.bytes).await? {
        Seen::New(key) => key,
        Seen::Before(known) => {
            let id = known.resource.parse().map_err(Problem::internal)?;
            return created(&who.server, id, wait).await;
        }
    };
    let (version, choices) = split_version(body.value)?;
    let target = who.catalog().start_target(who.object.0.clone(), version).await?;
    let choices = engine::start::read(&choices, &target.definition).map_err(|issues| refused(&issues))?;
    let new = new_instance(&who, target, choices, key);
    let id = create(&who.server, new).await?;
    created(&who.server, id, wait).await
}

/// Takes the version out of the body: it says which definition the rest is checked against.
fn split_version(mut body: Value) -> Result<(Option<i64>, Value), Problem> {
    let wrong = |detail: &str, pointer: &str| Problem::new(Code::InvalidBody, detail).at(pointer);
    let Some(members) = body.as_object_mut() else {
        return Err(wrong("The body must be a JSON object.", "/"));
    };
    let version = match members.shift_remove("version") {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_i64().filter(|version| *version >= 1) {
            Some(version) => Some(version),
            None => return Err(wrong("`version` is a whole number from 1.", "/version")),
        },
    };
    Ok((version, body))
}

fn refused(issues: &[engine::document::Issue]) -> Problem {
    let unknown = issues
        .iter()
        .any(|issue| issue.code == Code::UnknownParameter.as_str());
    let code = if unknown {
        Code::UnknownParameter
    } else {
        Code::InvalidStart
    };
    let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
    let first = errors
        .first()
        .map(|error| error.message.clone())
        .unwrap_or_default();
    Problem::new(code, first).with_errors(errors)
}

fn new_instance(
    who: &Authorised<Execute, OfStartable>,
    target: StartTarget,
    start: Start,
    key: Option<RequestKey>,
) -> NewInstance {
    let plan = Plan::new(Arc::clone(&target.definition), Arc::new(start.clone()));
    NewInstance {
        project_id: target.project.id.0,
        workflow_id: target.workflow_id.0,
        project: target.project.name,
        workflow: target.definition.name.clone(),
        project_params: target.project.params,
        version: target.version,
        tasks: u32::try_from(plan.nodes.len()).unwrap_or(u32::MAX),
        excluded: plan.excluded(),
        start,
        trigger: "api".to_owned(),
        requested_by: who.identity.name.clone(),
        owner: None,
        request_key: key,
        at: who.server.now(),
    }
}

async fn create(server: &Server, new: NewInstance) -> Result<InstanceId, Problem> {
    let mut tries = 0;
    loop {
        tries += 1;
        return match server.state.node.create_instance(new.clone()).await {
            Ok(WriteOutcome::Created { id } | WriteOutcome::Known { id }) => Ok(id),
            Ok(WriteOutcome::KeyReused) => Err(reused()),
            Ok(WriteOutcome::Rejected(why)) => Err(Problem::internal(why)),
            Ok(WriteOutcome::Stored | WriteOutcome::Stale) => {
                Err(Problem::internal("a create was answered as a commit"))
            }
            // With a key the same again is harmless, and finds what may have been stored.
            Err(StoreError::Uncertain(_)) if new.request_key.is_some() && tries < 3 => continue,
            Err(error) => Err(error.into()),
        };
    }
}

async fn created(server: &Server, id: InstanceId, wait: Duration) -> Result<HttpResponse, Problem> {
    let row = rested(server, id, wait).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/api/v1/instances/{id}")))
        .json(Instance::from(row)))
}

/// Reads the instance, once it rests or the time is over.
async fn rested(server: &Server, id: InstanceId, wait: Duration) -> Result<InstanceRow, Problem> {
    let mut watch = Watch::of(server, id, Wants::State, wait);
    loop {
        let row = read_instance(server, id).await?;
        let rests = row.state.is_final() || row.state == InstanceState::Paused || row.attention.is_some();
        if rests || watch.left().is_zero() {
            return Ok(row);
        }
        let here = row.owner == Some(server.state.node.this_node().incarnation);
        let place = if here { Place::Here } else { Place::Elsewhere };
        if watch.next(place).await == Woken::Over {
            return read_instance(server, id).await;
        }
    }
}
