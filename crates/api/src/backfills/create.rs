//! New backfills, and the dates that one would have.

use std::collections::BTreeMap;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, post};
use catalog::{BackfillChoices, NewBackfill, StartTarget};
use engine::backfill::{BackfillRequest, DateSelection, parse_request};
use engine::ids::BackfillId;
use engine::spec::Diagnostic;
use engine::start::Start;
use engine::trigger::Trigger;
use ports::{RequestKey, StartOrigin, StartedVersion};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::alerts::channel_check::{PlacedRules, check_channels};
use crate::auth::server::Server;
use crate::backfills::find_backfill;
use crate::backfills::plan::{PlannedRuns, StartCaller, plan_backfill, workflow_name};
use crate::backfills::views::{Backfill, BackfillPlan};
use crate::http::body::{Query, ValueBody};
use crate::http::codes::Code;
use crate::http::idempotency::create_once;
use crate::http::problem::{Detail, Problem};
use crate::instances::start::split_version;

/// The number of dates that a dry run shows.
const SHOWN_DATES: usize = 200;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(create_backfill);
}

/// The choices of a backfill: `from` and `to`, or `dates`; everything else is optional.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
struct CreateBackfill {
    /// The first possible date: RFC 3339, or a time or a date in `timezone`.
    from: Option<String>,
    /// The last possible date.
    to: Option<String>,
    /// The dates, in place of a range.
    dates: Option<Vec<String>>,
    /// The schedule whose times are the dates; all enabled ones unless given.
    schedule: Option<String>,
    /// The newest unless given.
    version: Option<i64>,
    /// An IANA name; the workflow's unless given, else the server's.
    timezone: Option<String>,
    /// The most instances that are open at a time, 1 to 1,000; 1 unless given.
    #[schema(minimum = 1, maximum = 1000)]
    parallelism: Option<u32>,
    /// `ascending` or `descending`.
    order: Option<String>,
    /// `continue` or `stop`: what a failed or stopped instance means for dates that have not started.
    on_failure: Option<String>,
    /// `run`, `skip_succeeded` or `skip_all`: what an instance that exists means for its date.
    existing: Option<String>,
    /// `none` or `direct`: whether workflows that depend on this one run too.
    dependents: Option<String>,
    /// As in a start, like the other members.
    params: Option<BTreeMap<String, Value>>,
    tasks: Option<Vec<String>>,
    scope: Option<String>,
    priority: Option<String>,
    worker_group: Option<String>,
    failure_strategy: Option<String>,
    /// The instances run dry.
    dry_run: Option<bool>,
    /// Which events of it and of its instances send alerts, as `notify` of a document.
    #[schema(value_type = Option<Vec<Object>>)]
    notify: Option<Vec<Value>>,
    /// For people.
    description: Option<String>,
}

/// Whether the backfill is made.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CreateQuery {
    /// Only shows the dates; nothing is stored.
    #[serde(default)]
    dry_run: bool,
}

/// A checked request.
struct PreparedBackfill {
    target: StartTarget,
    request: BackfillRequest,
    start: Start,
    runs: PlannedRuns,
}

/// Makes a backfill of a workflow, or with `dry_run=true` shows its dates.
#[utoipa::path(tag = "backfills", request_body = CreateBackfill,
    params(("project" = String, Path), ("workflow" = String, Path), CreateQuery,
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = BackfillPlan), (status = 201, body = Backfill), (status = 409)))]
#[post("/backfills")]
async fn create_backfill(
    caller: StartCaller,
    request: HttpRequest,
    query: Query<CreateQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    if query.0.dry_run {
        let prepared = prepare_backfill(&caller, body.value).await?;
        let plan = BackfillPlan::of_runs(&workflow_name(&prepared.target), &prepared.runs, SHOWN_DATES);
        return Ok(HttpResponse::Ok().json(plan));
    }
    let server = caller.server();
    let create = async |key| {
        let prepared = prepare_backfill(&caller, body.value).await?;
        let id = store_backfill(&caller, prepared, key).await?;
        find_backfill(server, id).await
    };
    let find = async |id: &str| {
        let id = id.parse().map_err(Problem::internal)?;
        Ok(server.catalog().backfills().find(id).await?)
    };
    let row = create_once(&caller, &request, &body.bytes, create, find).await?;
    let location = format!("/api/v1/backfills/{}", row.id);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .json(Backfill::from(row)))
}

/// Checks the choices against the definition of the chosen version, and lists the dates.
async fn prepare_backfill(caller: &StartCaller, body: Value) -> Result<PreparedBackfill, Problem> {
    let (version, choices) = split_version(body)?;
    let target = caller
        .catalog()
        .workflows()
        .start_target(caller.object().clone(), version)
        .await?;
    let zone = target
        .definition
        .timezone
        .unwrap_or(caller.server().state().timezone);
    let request = parse_request(&choices, zone).map_err(|issues| invalid_request(&issues))?;
    let rules = PlacedRules {
        pointer: "/notify".to_owned(),
        rules: &request.notify,
    };
    check_channels(caller.catalog(), Some(target.project.id), &[rules], |_| None).await?;
    let start = parse_start(caller.server(), &target, &request.start)?;
    Ok(PreparedBackfill {
        runs: plan_backfill(caller, &target, &request).await?,
        target,
        request,
        start,
    })
}

/// Parses the start of the instances of a backfill.
pub(crate) fn parse_start(server: &Server, target: &StartTarget, body: &Value) -> Result<Start, Problem> {
    let started = StartedVersion {
        project_id: target.project.id.0,
        project: &target.project.name,
        project_params: &target.project.params,
        project_defaults: &target.project.defaults,
        workflow_id: target.workflow_id.0,
        version: target.version,
        definition: &target.definition,
        server_timezone: server.state().timezone,
    };
    let origin = StartOrigin {
        trigger: Trigger::Api,
        requested_by: None,
        at: server.now(),
    };
    let new = started
        .new_instance(body, origin)
        .map_err(|issues| invalid_request(&issues))?;
    Ok(new.start)
}

/// Lists everything that is wrong with a request.
pub(crate) fn invalid_request(issues: &[Diagnostic]) -> Problem {
    let has = |code: &Code| issues.iter().any(|issue| issue.code == code.as_str());
    let own_code = [
        Code::UnknownParameter,
        Code::UnknownTimezone,
        Code::NoDates,
        Code::TooManyDates,
    ]
    .into_iter()
    .find(has);
    let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
    let first = errors.first().map(|error| error.message.clone());
    Problem::new(own_code.unwrap_or(Code::InvalidBody), first.unwrap_or_default()).with_errors(errors)
}

async fn store_backfill(
    caller: &StartCaller,
    prepared: PreparedBackfill,
    key: Option<RequestKey>,
) -> Result<BackfillId, Problem> {
    let PreparedBackfill {
        target,
        request,
        start,
        runs,
    } = prepared;
    let range = match request.selection {
        DateSelection::Range(range) => Some(range),
        DateSelection::List(_) => None,
    };
    let new = NewBackfill {
        project: target.project.id,
        workflow: target.workflow_id,
        version: target.version,
        choices: BackfillChoices {
            from: range.map(|range| range.from),
            to: range.map(|range| range.to),
            timezone: request.timezone,
            schedule: request.schedule,
            order: request.order,
            dependents: request.dependents,
            description: request.description,
            notify: request.notify,
            start,
        },
        start: request.start,
        parallelism: request.parallelism,
        on_failure: request.on_failure,
        existing: request.existing,
        runs: runs.in_order,
        dependents: runs.dependents,
    };
    let id = caller
        .catalog()
        .backfills()
        .create(&new, &caller.audit_context(key))
        .await?;
    caller.server().state().node.commit_events().publish_backfill(id);
    Ok(id)
}
