//! Deletions of ended instances on request.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, post};
use catalog::{Project, RetentionRequest};
use engine::ids::Timestamp;
use engine::spec::duration;
use engine::states::InstanceState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, Caller};
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::idempotency::create_once;
use crate::http::problem::Problem;
use crate::operations::views::OperationView;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(delete_expired);
}

/// Which ended instances are deleted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeleteExpired {
    /// The least time since the end of an instance, for example `30d`.
    older_than: String,
    /// Only of this project.
    project: Option<String>,
    /// Only in these final states; in all of them unless given.
    states: Option<Vec<String>>,
    /// Counts and deletes nothing.
    dry_run: Option<bool>,
}

/// What a deletion would delete.
#[derive(Debug, Serialize, ToSchema)]
struct ExpiredCounts {
    instances: u64,
    /// Rows of all tables, those of instances included.
    rows: u64,
    /// Bytes of the logs whose sizes are known; null when none is.
    log_bytes: Option<u64>,
    /// Logs whose size is not known: those of lost attempts, and of attempts that ended before sizes were stored.
    unknown_logs: u64,
}

/// Deletes instances that ended long ago, with everything that belongs to them. The operation counts instances and rows.
#[utoipa::path(tag = "retention", request_body = DeleteExpired,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = ExpiredCounts), (status = 202, body = OperationView), (status = 409)))]
#[post("/retention")]
async fn delete_expired(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<DeleteExpired>,
) -> Result<HttpResponse, Problem> {
    let wanted = parse_request(&caller, &body.value).await?;
    let retention = caller.catalog().retention();
    if body.value.dry_run.unwrap_or_default() {
        let count = retention.count(&wanted).await?;
        return Ok(HttpResponse::Ok().json(ExpiredCounts {
            instances: count.instances,
            rows: count.rows,
            log_bytes: count.log_bytes(),
            unknown_logs: count.unknown_logs,
        }));
    }
    let create = async |key| Ok(retention.request(&wanted, &caller.audit_context(key)).await?);
    let find = async |operation: &str| Ok(retention.find(operation).await?);
    let run = create_once(&caller, &request, &body.bytes, create, find).await?;
    caller.server().state().retention_requests.notify_one();
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, format!("/api/v1/operations/{}", run.operation_id())))
        .json(OperationView::from(run)))
}

async fn parse_request(
    caller: &Caller<Admin, System>,
    body: &DeleteExpired,
) -> Result<RetentionRequest, Problem> {
    let Some(age) = duration::parse(&body.older_than) else {
        let detail = format!(
            "`{}` is no duration: write for example `30d` or `12h`.",
            body.older_than
        );
        return Err(Problem::new(Code::InvalidBody, detail).at("/older_than"));
    };
    let project = match &body.project {
        Some(name) => Some(find_project(caller, name).await?.id),
        None => None,
    };
    Ok(RetentionRequest {
        ended_before: Timestamp(caller.server().now().0.saturating_sub(age)),
        project,
        states: parse_states(body.states.as_deref())?,
    })
}

async fn find_project(caller: &Caller<Admin, System>, name: &str) -> Result<Project, Problem> {
    let found = caller.catalog().projects().find(name).await?;
    found.ok_or_else(|| Problem::not_found(format!("project `{name}`")))
}

fn parse_states(names: Option<&[String]>) -> Result<Vec<InstanceState>, Problem> {
    let all_final: Vec<InstanceState> = InstanceState::ALL
        .iter()
        .copied()
        .filter(|state| state.is_final())
        .collect();
    let Some(names) = names else {
        return Ok(all_final);
    };
    let known = all_final
        .iter()
        .map(|state| format!("`{state}`"))
        .collect::<Vec<_>>();
    if names.is_empty() {
        let detail = format!(
            "`states` is empty: name some of {}, or leave it out.",
            known.join(", ")
        );
        return Err(Problem::new(Code::InvalidBody, detail).at("/states"));
    }
    let parse = |(place, name): (usize, &String)| {
        let state = all_final.iter().copied().find(|state| state.as_str() == name);
        state.ok_or_else(|| {
            let detail = format!("`{name}` is no final state: these are {}.", known.join(", "));
            Problem::new(Code::InvalidBody, detail).at(format!("/states/{place}"))
        })
    };
    names.iter().enumerate().map(parse).collect()
}
