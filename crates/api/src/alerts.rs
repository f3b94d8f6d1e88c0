//! Alerts with their deliveries.

pub(crate) mod channel_check;
pub(crate) mod rules;

mod views;

use actix_web::{HttpResponse, get, post};
use catalog::{AlertFilter, AlertRow, DeliveryState};
use engine::alert::AlertEvent;
use engine::ids::AlertId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::alerts::views::AlertView;
use crate::auth::access::{AnyUser, Caller, Read, Write};
use crate::auth::objects::System;
use crate::http::body::{NoQuery, Query};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;
use crate::instances::filter::{parse_from, parse_to};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(list_alerts)
        .service(read_alert)
        .service(retry_alert);
}

/// The filter of a list of alerts; everything given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertQuery {
    /// The project's name.
    project: Option<String>,
    /// The workflow's name.
    workflow: Option<String>,
    /// The event, as rules name it.
    event: Option<String>,
    /// The state of any delivery: `waiting`, `delivered`, `failed` or `silenced`.
    state: Option<String>,
    /// The earliest time.
    from: Option<String>,
    /// The latest time.
    to: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the alerts that the caller may see, the newest first.
#[utoipa::path(tag = "alerts", params(AlertQuery), responses((status = 200, body = List<AlertView>)))]
#[get("/alerts")]
async fn list_alerts(
    caller: Caller<AnyUser, System>,
    query: Query<AlertQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let filter = AlertFilter {
        visible: caller.visible_projects(),
        event: query.event.as_deref().map(check_event).transpose()?,
        state: query.state.as_deref().map(parse_state).transpose()?,
        from: parse_from("from", query.from.as_deref())?,
        to: parse_to("to", query.to.as_deref())?,
        project: query.project,
        workflow: query.workflow,
    };
    let paging = Paging {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = caller
        .catalog()
        .alerts()
        .list(&filter, &paging.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<AlertView>::from_page(page)))
}

fn check_event(text: &str) -> Result<String, Problem> {
    let event = text
        .parse::<AlertEvent>()
        .map_err(|error| Problem::new(Code::InvalidQuery, format!("{error}.")).at("/event"))?;
    Ok(event.as_str().to_owned())
}

fn parse_state(text: &str) -> Result<DeliveryState, Problem> {
    let mut states = DeliveryState::ALL.into_iter();
    states.find(|state| state.as_str() == text).ok_or_else(|| {
        let known = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
        Problem::new(Code::InvalidQuery, format!("`state` is one of {known}.")).at("/state")
    })
}

/// Reads an alert.
#[utoipa::path(tag = "alerts", params(("id" = String, Path)), responses((status = 200, body = AlertView)))]
#[get("/alerts/{id}")]
async fn read_alert(caller: Caller<Read, AlertRow>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(AlertView::from(caller.into_object())))
}

/// Has the failed deliveries of an alert tried again.
#[utoipa::path(tag = "alerts", params(("id" = String, Path)), responses((status = 200, body = AlertView)))]
#[post("/alerts/{id}/retry")]
async fn retry_alert(caller: Caller<Write, AlertRow>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let id: AlertId = caller.object().id;
    let alerts = caller.catalog().alerts();
    alerts.retry(id, &caller.audit_context(None)).await?;
    caller.server().state().node.commit_events().notify_alerts();
    let row = alerts.find(id).await?;
    let row = row.ok_or_else(|| Problem::not_found(format!("alert {id}")))?;
    Ok(HttpResponse::Ok().json(AlertView::from(row)))
}
