//! Calendars of projects, and those that all projects share.

mod calendar_body;
mod icalendar;
mod views;

use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use catalog::{CalendarChange, CalendarScope, Catalog, Project, StoredCalendar};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, AnyUser, Caller, Read, Write};
use crate::auth::objects::System;
use crate::calendars::calendar_body::parse_calendar;
use crate::calendars::views::{CalendarQuery, CalendarView, PutCalendar};
use crate::http::body::{DocumentBody, NoQuery, Query, check_name};
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(put_shared_calendar)
        .service(list_shared_calendars)
        .service(read_shared_calendar)
        .service(delete_shared_calendar);
}

pub(crate) fn register_project_routes(config: &mut ServiceConfig) {
    config
        .service(put_calendar)
        .service(list_calendars)
        .service(read_calendar)
        .service(delete_calendar);
}

/// Stores a calendar of a project, from JSON or from the all-day events of iCalendar text.
#[utoipa::path(tag = "calendars",
    params(("project" = String, Path), ("calendar" = String, Path), CalendarQuery),
    request_body(content((PutCalendar = "application/json"), (String = "text/calendar"))),
    responses((status = 200, body = CalendarView), (status = 201, body = CalendarView)))]
#[put("/calendars/{calendar}")]
async fn put_calendar(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    query: Query<CalendarQuery>,
    body: DocumentBody,
) -> Result<HttpResponse, Problem> {
    let scope = CalendarScope::Project(caller.object().id);
    store_calendar(&caller, scope, &request, (&query.0, &body)).await
}

/// Stores a calendar that all projects share.
#[utoipa::path(tag = "calendars", params(("calendar" = String, Path), CalendarQuery),
    request_body(content((PutCalendar = "application/json"), (String = "text/calendar"))),
    responses((status = 200, body = CalendarView), (status = 201, body = CalendarView)))]
#[put("/calendars/{calendar}")]
async fn put_shared_calendar(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    query: Query<CalendarQuery>,
    body: DocumentBody,
) -> Result<HttpResponse, Problem> {
    store_calendar(&caller, CalendarScope::Shared, &request, (&query.0, &body)).await
}

async fn store_calendar<N, O>(
    caller: &Caller<N, O>,
    scope: CalendarScope,
    request: &HttpRequest,
    (query, body): (&CalendarQuery, &DocumentBody),
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "calendar")?;
    check_name("/name", &name)?;
    let new = parse_calendar(request, query, body)?;
    let context = caller.audit_context(None);
    let (calendar, change) = caller
        .catalog()
        .calendars()
        .put(scope, &name, &new, &context)
        .await?;
    caller.server().state().node.schedules_changed();
    let mut response = match change {
        CalendarChange::Created => HttpResponse::Created(),
        CalendarChange::Replaced => HttpResponse::Ok(),
    };
    Ok(response.json(CalendarView::from(calendar)))
}

/// Lists the calendars of a project by name.
#[utoipa::path(tag = "calendars", params(("project" = String, Path), Paging),
    responses((status = 200, body = List<CalendarView>)))]
#[get("/calendars")]
async fn list_calendars(
    caller: Caller<Read, Project>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let scope = CalendarScope::Project(caller.object().id);
    list_in(caller.catalog(), scope, paging.0).await
}

/// Lists the shared calendars by name.
#[utoipa::path(tag = "calendars", params(Paging), responses((status = 200, body = List<CalendarView>)))]
#[get("/calendars")]
async fn list_shared_calendars(
    caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    list_in(caller.catalog(), CalendarScope::Shared, paging.0).await
}

async fn list_in(catalog: &Catalog, scope: CalendarScope, paging: Paging) -> Result<HttpResponse, Problem> {
    let page = catalog.calendars().list(scope, &paging.page_request()?).await?;
    Ok(HttpResponse::Ok().json(List::<CalendarView>::from_page(page)))
}

/// Reads a calendar of a project.
#[utoipa::path(tag = "calendars", params(("project" = String, Path), ("calendar" = String, Path)),
    responses((status = 200, body = CalendarView)))]
#[get("/calendars/{calendar}")]
async fn read_calendar(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let scope = CalendarScope::Project(caller.object().id);
    let calendar = find_calendar(caller.catalog(), scope, &request).await?;
    Ok(HttpResponse::Ok().json(CalendarView::from(calendar)))
}

/// Reads a shared calendar.
#[utoipa::path(tag = "calendars", params(("calendar" = String, Path)), responses((status = 200, body = CalendarView)))]
#[get("/calendars/{calendar}")]
async fn read_shared_calendar(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let calendar = find_calendar(caller.catalog(), CalendarScope::Shared, &request).await?;
    Ok(HttpResponse::Ok().json(CalendarView::from(calendar)))
}

async fn find_calendar(
    catalog: &Catalog,
    scope: CalendarScope,
    request: &HttpRequest,
) -> Result<StoredCalendar, Problem> {
    let name = path_parameter(request, "calendar")?;
    let found = catalog.calendars().find(scope, &name).await?;
    found.ok_or_else(|| Problem::not_found(format!("calendar `{name}`")))
}

/// Deletes a calendar of a project that no schedule names.
#[utoipa::path(tag = "calendars", params(("project" = String, Path), ("calendar" = String, Path)),
    responses((status = 204), (status = 409)))]
#[delete("/calendars/{calendar}")]
async fn delete_calendar(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let scope = CalendarScope::Project(caller.object().id);
    remove_calendar(&caller, scope, &request).await
}

/// Deletes a shared calendar that no schedule names.
#[utoipa::path(tag = "calendars", params(("calendar" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("/calendars/{calendar}")]
async fn delete_shared_calendar(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    remove_calendar(&caller, CalendarScope::Shared, &request).await
}

async fn remove_calendar<N, O>(
    caller: &Caller<N, O>,
    scope: CalendarScope,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "calendar")?;
    let context = caller.audit_context(None);
    caller
        .catalog()
        .calendars()
        .delete(scope, &name, &context)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
