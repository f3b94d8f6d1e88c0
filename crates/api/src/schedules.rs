//! Schedules of workflows: stored, paused, and asked for their fire times.

mod fire_times;
mod problems;
mod views;

pub(crate) use self::problems::check_calendars;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use catalog::{Project, Schedule, ScheduleChange, ScheduleFilter, ScheduleName, ScheduleSwitch};
use engine::schedule::{parse_count, parse_preview, parse_workflow_schedule};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::alerts::channel_check::{PlacedRules, check_channels};
use crate::auth::access::{AnyUser, Caller, Level, Read, Write, check_level};
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query, ValueBody, check_name};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::schedules::fire_times::{FireTimeList, PreviewAnswer, list_fire_times, parse_after};
use crate::schedules::problems::{invalid_schedule, unknown_calendar};
use crate::schedules::views::{FireView, PreviewSchedule, PutSchedule, ScheduleView};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(preview_schedule).service(list_schedules);
}

pub(crate) fn register_workflow_routes(config: &mut ServiceConfig) {
    config.service(list_schedules_of_workflow);
}

pub(crate) fn register_schedule_routes(config: &mut ServiceConfig) {
    config
        .service(put_schedule)
        .service(read_schedule)
        .service(delete_schedule)
        .service(pause_schedule)
        .service(resume_schedule)
        .service(next_fires)
        .service(list_fires);
}

/// The names in the path of a schedule.
struct SchedulePath {
    workflow: String,
    schedule: String,
}

impl SchedulePath {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        Ok(Self {
            workflow: path_parameter(request, "workflow")?,
            schedule: path_parameter(request, "schedule")?,
        })
    }

    fn name(&self, project: &Project) -> ScheduleName<'_> {
        ScheduleName {
            project: project.id,
            workflow: &self.workflow,
            schedule: &self.schedule,
        }
    }
}

async fn find_schedule<N>(caller: &Caller<N, Project>, request: &HttpRequest) -> Result<Schedule, Problem> {
    let path = SchedulePath::of(request)?;
    Ok(caller
        .catalog()
        .schedules()
        .find(path.name(caller.object()))
        .await?)
}

/// Stores a schedule of a workflow, as a new one or in place of that of its name.
#[utoipa::path(tag = "schedules", request_body = PutSchedule,
    params(("project" = String, Path), ("workflow" = String, Path), ("schedule" = String, Path)),
    responses((status = 200, body = ScheduleView), (status = 201, body = ScheduleView), (status = 409)))]
#[put("")]
async fn put_schedule(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let path = SchedulePath::of(&request)?;
    check_name("/name", &path.schedule)?;
    let schedules = caller.catalog().schedules();
    let workflow = schedules.workflow_definition(path.name(caller.object())).await?;
    let server_timezone = caller.server().state().timezone;
    let definition = parse_workflow_schedule(&body.value, &workflow, server_timezone)
        .map_err(|issues| invalid_schedule(&issues))?;
    if let Some(name) = &definition.calendar
        && !has_calendar(&caller, name).await?
    {
        return Err(unknown_calendar(name));
    }
    let rules = PlacedRules {
        pointer: "/notify".to_owned(),
        rules: &definition.notify,
    };
    check_channels(caller.catalog(), Some(caller.object().id), &[rules], |_| None).await?;
    let default_zone = workflow.timezone.unwrap_or(server_timezone);
    let context = caller.audit_context(None);
    let (schedule, change) = schedules
        .put(path.name(caller.object()), &definition, default_zone, &context)
        .await?;
    caller.server().state().node.schedules_changed();
    let mut response = match change {
        ScheduleChange::Created => HttpResponse::Created(),
        ScheduleChange::Replaced => HttpResponse::Ok(),
    };
    Ok(response.json(ScheduleView::from(schedule)))
}

async fn has_calendar<N>(caller: &Caller<N, Project>, name: &str) -> Result<bool, Problem> {
    let calendars = caller.catalog().calendars();
    Ok(calendars
        .find_effective(caller.object().id, name)
        .await?
        .is_some())
}

/// The filter of a list of schedules; everything given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ScheduleQuery {
    /// The project's name.
    project: Option<String>,
    /// The workflow's name.
    workflow: Option<String>,
    /// Whether it fires.
    enabled: Option<bool>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the schedules that the caller may see, oldest first.
#[utoipa::path(tag = "schedules", params(ScheduleQuery), responses((status = 200, body = List<ScheduleView>)))]
#[get("/schedules")]
async fn list_schedules(
    caller: Caller<AnyUser, System>,
    query: Query<ScheduleQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let filter = ScheduleFilter {
        visible: caller.visible_projects(),
        project: query.project,
        workflow: query.workflow,
        enabled: query.enabled,
    };
    let paging = Paging {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = caller
        .catalog()
        .schedules()
        .list(&filter, &paging.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<ScheduleView>::from_page(page)))
}

/// Lists the schedules of a workflow, oldest first.
#[utoipa::path(tag = "schedules", params(("project" = String, Path), ("workflow" = String, Path), Paging),
    responses((status = 200, body = List<ScheduleView>)))]
#[get("/schedules")]
async fn list_schedules_of_workflow(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let workflow = path_parameter(&request, "workflow")?;
    let name = ScheduleName {
        project: caller.object().id,
        workflow: &workflow,
        schedule: "",
    };
    // A workflow that does not exist is not found; one without schedules has an empty list.
    caller.catalog().schedules().workflow_definition(name).await?;
    let filter = ScheduleFilter {
        visible: caller.visible_projects(),
        project: Some(caller.object().name.clone()),
        workflow: Some(workflow),
        enabled: None,
    };
    let page = caller
        .catalog()
        .schedules()
        .list(&filter, &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<ScheduleView>::from_page(page)))
}

/// Reads a schedule.
#[utoipa::path(tag = "schedules",
    params(("project" = String, Path), ("workflow" = String, Path), ("schedule" = String, Path)),
    responses((status = 200, body = ScheduleView)))]
#[get("")]
async fn read_schedule(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let schedule = find_schedule(&caller, &request).await?;
    Ok(HttpResponse::Ok().json(ScheduleView::from(schedule)))
}

/// Deletes a schedule with the record of its fires; its instances stay.
#[utoipa::path(tag = "schedules",
    params(("project" = String, Path), ("workflow" = String, Path), ("schedule" = String, Path)),
    responses((status = 204), (status = 409)))]
#[delete("")]
async fn delete_schedule(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let path = SchedulePath::of(&request)?;
    let context = caller.audit_context(None);
    caller
        .catalog()
        .schedules()
        .delete(path.name(caller.object()), &context)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Has no members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SwitchBody {}

/// Pauses a schedule: it does not fire until it is resumed. What is due and not started is dropped.
#[utoipa::path(tag = "schedules", request_body = SwitchBody,
    params(("project" = String, Path), ("workflow" = String, Path), ("schedule" = String, Path)),
    responses((status = 200, body = ScheduleView)))]
#[post("/pause")]
async fn pause_schedule(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    _body: Body<SwitchBody>,
) -> Result<HttpResponse, Problem> {
    switch_schedule(&caller, &request, ScheduleSwitch::Pause).await
}

/// Resumes a schedule: it fires at its times from now on.
#[utoipa::path(tag = "schedules", request_body = SwitchBody,
    params(("project" = String, Path), ("workflow" = String, Path), ("schedule" = String, Path)),
    responses((status = 200, body = ScheduleView)))]
#[post("/resume")]
async fn resume_schedule(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    _body: Body<SwitchBody>,
) -> Result<HttpResponse, Problem> {
    switch_schedule(&caller, &request, ScheduleSwitch::Resume).await
}

async fn switch_schedule(
    caller: &Caller<Write, Project>,
    request: &HttpRequest,
    switch: ScheduleSwitch,
) -> Result<HttpResponse, Problem> {
    let path = SchedulePath::of(request)?;
    let context = caller.audit_context(None);
    let schedule = caller
        .catalog()
        .schedules()
        .switch(path.name(caller.object()), switch, &context)
        .await?;
    caller.server().state().node.schedules_changed();
    Ok(HttpResponse::Ok().json(ScheduleView::from(schedule)))
}

/// Which fire times are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NextQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 1000, default = 10)]
    count: Option<u32>,
    /// Fire times are after it; now unless given.
    after: Option<String>,
}

/// Lists the next fire times of a schedule, whether it is enabled or not.
#[utoipa::path(tag = "schedules",
    params(("project" = String, Path), ("workflow" = String, Path), ("schedule" = String, Path), NextQuery),
    responses((status = 200, body = FireTimeList)))]
#[get("/next")]
async fn next_fires(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    query: Query<NextQuery>,
) -> Result<HttpResponse, Problem> {
    let count = parse_count(query.0.count).ok_or_else(|| {
        Problem::new(Code::InvalidQuery, "`count` is a whole number from 1 to 1000.").at("/count")
    })?;
    let schedule = find_schedule(&caller, &request).await?;
    let after = match &query.0.after {
        Some(text) => parse_after(text, schedule.timezone)?,
        None => caller.server().now(),
    };
    let times = caller.catalog().schedules().fire_times(&schedule).await?;
    let items = list_fire_times(times, schedule.timezone, after, count).await?;
    Ok(HttpResponse::Ok().json(FireTimeList::new(items)))
}

/// Lists the fire times of a schedule that is not stored.
#[utoipa::path(tag = "schedules", request_body = PreviewSchedule, responses((status = 200, body = PreviewAnswer)))]
#[post("/schedules/preview")]
async fn preview_schedule(
    caller: Caller<AnyUser, System>,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let server_timezone = caller.server().state().timezone;
    let preview = parse_preview(&body.value, server_timezone).map_err(|issues| invalid_schedule(&issues))?;
    let zone = preview.definition.timezone.unwrap_or(server_timezone);
    let calendar = match &preview.definition.calendar {
        Some(name) => Some(find_preview_calendar(&caller, preview.project.as_deref(), name).await?),
        None => None,
    };
    let times = preview.definition.fire_times(zone, calendar);
    let after = preview.after.unwrap_or_else(|| caller.server().now());
    let items = list_fire_times(times, zone, after, preview.count).await?;
    Ok(HttpResponse::Ok().json(PreviewAnswer::new(items, preview.definition.describe())))
}

/// Finds a calendar of the project that a preview names, or a shared one.
async fn find_preview_calendar(
    caller: &Caller<AnyUser, System>,
    project: Option<&str>,
    name: &str,
) -> Result<std::sync::Arc<engine::schedule::Calendar>, Problem> {
    let catalog = caller.catalog();
    let found = match project {
        Some(project_name) => {
            let project = catalog.projects().find(project_name).await?;
            let project = project.ok_or_else(|| Problem::not_found(format!("project `{project_name}`")))?;
            let level = Level::Grant(catalog::Permission::Read);
            check_level(caller.server(), caller.identity(), level, Some(project.id)).await?;
            catalog.calendars().find_effective(project.id, name).await?
        }
        None => {
            let shared = catalog
                .calendars()
                .find(catalog::CalendarScope::Shared, name)
                .await?;
            shared.map(|shared| std::sync::Arc::new(shared.calendar))
        }
    };
    found.ok_or_else(|| unknown_calendar(name))
}

/// Lists what became of the fires of a schedule, newest first.
#[utoipa::path(tag = "schedules",
    params(("project" = String, Path), ("workflow" = String, Path), ("schedule" = String, Path), Paging),
    responses((status = 200, body = List<FireView>)))]
#[get("/fires")]
async fn list_fires(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let schedule = find_schedule(&caller, &request).await?;
    let page = caller
        .catalog()
        .schedules()
        .list_fires(schedule.id, &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<FireView>::from_page(page)))
}
