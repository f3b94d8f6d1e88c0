//! Silences: which alerts are stored and not sent.

mod views;

use std::str::FromStr as _;

use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use catalog::{Catalog, NewSilence, Permission, ProjectId, SilenceChange, StoredSilence};
use chrono::DateTime;
use engine::alert::AlertEvent;
use engine::ids::Timestamp;
use engine::spec::names::nearest;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, Level};
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query, check_name};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::silences::views::{PutSilence, SilenceView};

/// How far ahead a silence may end, in milliseconds.
const LONGEST_SILENCE_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 1000;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(put_silence)
        .service(list_silences)
        .service(read_silence)
        .service(delete_silence);
}

/// Stores a silence: what matches it from now on is stored as `silenced` and not sent. It needs the owner of its project,
/// without a project an operator.
#[utoipa::path(tag = "alerts", params(("silence" = String, Path)), request_body = PutSilence,
    responses((status = 200, body = SilenceView), (status = 201, body = SilenceView)))]
#[put("/silences/{silence}")]
async fn put_silence(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PutSilence>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "silence")?;
    check_name("/name", &name)?;
    let seen = caller.catalog().silences().find(&name).await?;
    if let Some(seen) = &seen {
        let level = level_to_change(seen.silence.project);
        caller
            .check_permission(level, seen.silence.project, &request)
            .await?;
    }
    let project = find_project(caller.catalog(), body.value.project.as_deref()).await?;
    caller
        .check_permission(level_to_change(project), project, &request)
        .await?;
    let new = check_silence(caller.catalog(), project, body.value, caller.server().now()).await?;
    let context = caller.audit_context(None);
    let silences = caller.catalog().silences();
    let change = silences.put((&name, seen.as_ref()), &new, &context).await?;
    let stored = find_silence(caller.catalog(), &name).await?;
    let mut response = match change {
        SilenceChange::Created => HttpResponse::Created(),
        SilenceChange::Replaced => HttpResponse::Ok(),
    };
    Ok(response.json(SilenceView::from(stored)))
}

/// Lists the silences of the projects that the caller may read, by name.
#[utoipa::path(tag = "alerts", params(Paging), responses((status = 200, body = List<SilenceView>)))]
#[get("/silences")]
async fn list_silences(
    caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = paging.0.page_request()?;
    let page = caller
        .catalog()
        .silences()
        .list(caller.visible_projects(), &page)
        .await?;
    Ok(HttpResponse::Ok().json(List::<SilenceView>::from_page(page)))
}

/// Reads a silence.
#[utoipa::path(tag = "alerts", params(("silence" = String, Path)), responses((status = 200, body = SilenceView)))]
#[get("/silences/{silence}")]
async fn read_silence(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "silence")?;
    let silence = find_silence(caller.catalog(), &name).await?;
    let level = match silence.silence.project {
        Some(_) => Level::Grant(Permission::Read),
        None => Level::Admin,
    };
    caller
        .check_permission(level, silence.silence.project, &request)
        .await?;
    Ok(HttpResponse::Ok().json(SilenceView::from(silence)))
}

/// Deletes a silence: what matches it is sent again from now on.
#[utoipa::path(tag = "alerts", params(("silence" = String, Path)), responses((status = 204)))]
#[delete("/silences/{silence}")]
async fn delete_silence(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "silence")?;
    let seen = find_silence(caller.catalog(), &name).await?;
    let level = level_to_change(seen.silence.project);
    caller
        .check_permission(level, seen.silence.project, &request)
        .await?;
    caller
        .catalog()
        .silences()
        .delete(&seen, &caller.audit_context(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn find_silence(catalog: &Catalog, name: &str) -> Result<StoredSilence, Problem> {
    let found = catalog.silences().find(name).await?;
    found.ok_or_else(|| Problem::not_found(format!("silence `{name}`")))
}

/// Returns what is needed to change a silence of a project, or one without.
fn level_to_change(project: Option<ProjectId>) -> Level {
    match project {
        Some(_) => Level::Grant(Permission::Owner),
        None => Level::Admin,
    }
}

async fn find_project(catalog: &Catalog, name: Option<&str>) -> Result<Option<ProjectId>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let found = catalog.projects().find(name).await?;
    let missing = || Problem::new(Code::InvalidBody, format!("There is no project `{name}`.")).at("/project");
    Ok(Some(found.ok_or_else(missing)?.id))
}

async fn check_silence(
    catalog: &Catalog,
    project: Option<ProjectId>,
    body: PutSilence,
    now: Timestamp,
) -> Result<NewSilence, Problem> {
    let invalid = |pointer: &str, detail: String| Problem::new(Code::InvalidBody, detail).at(pointer);
    if let (Some(project), Some(workflow)) = (project, &body.workflow)
        && catalog.workflows().find(project, workflow, None).await?.is_none()
    {
        let detail = format!("The project has no workflow `{workflow}`.");
        return Err(invalid("/workflow", detail));
    }
    check_event(body.event.as_deref())?;
    if body.reason.trim().is_empty() || body.reason.chars().count() > MAX_REASON_CHARS {
        let detail = format!("`reason` says why, in at most {MAX_REASON_CHARS} characters.");
        return Err(invalid("/reason", detail));
    }
    let until = DateTime::parse_from_rfc3339(&body.until).map_err(|_| {
        let detail = "`until` is an instant like `2026-12-24T18:00:00Z` (RFC 3339).";
        invalid("/until", detail.to_owned())
    })?;
    let until = Timestamp(until.timestamp_millis());
    if until <= now {
        return Err(invalid("/until", "`until` is in the past.".to_owned()));
    }
    if until.0 - now.0 > LONGEST_SILENCE_MS {
        return Err(invalid("/until", "`until` is at most a year ahead.".to_owned()));
    }
    Ok(NewSilence {
        project,
        workflow: body.workflow,
        event: body.event,
        until,
        reason: body.reason,
    })
}

fn check_event(event: Option<&str>) -> Result<(), Problem> {
    let Some(event) = event.filter(|event| AlertEvent::from_str(event).is_err()) else {
        return Ok(());
    };
    let known = AlertEvent::ALL.iter().map(|known| known.as_str());
    let hint = match nearest(event, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it is one of {}", known.collect::<Vec<_>>().join(", ")),
    };
    let detail = format!("There is no event `{event}`; {hint}.");
    Err(Problem::new(Code::InvalidBody, detail).at("/event"))
}
