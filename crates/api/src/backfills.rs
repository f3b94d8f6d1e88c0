//! Backfills: list, read, dates.

pub(crate) mod commands;
pub(crate) mod create;
pub(crate) mod plan;
pub(crate) mod views;

use std::fmt;
use std::str::FromStr;

use actix_web::{HttpResponse, get};
use catalog::{BackfillFilter, BackfillRow};
use engine::backfill::{BackfillState, DateState};
use engine::ids::BackfillId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, Read};
use crate::auth::objects::System;
use crate::auth::server::Server;
use crate::backfills::views::{Backfill, BackfillDate};
use crate::http::body::{NoQuery, Query};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(list_backfills);
}

pub(crate) fn register_backfill_routes(config: &mut ServiceConfig) {
    config.service(get_backfill).service(list_backfill_dates);
}

/// The filter of a list of backfills; everything given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BackfillQuery {
    /// The project's name.
    project: Option<String>,
    /// The workflow's name.
    workflow: Option<String>,
    /// A state; repeated or with commas, any of several.
    state: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The filter of a list of dates.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BackfillDateQuery {
    /// A state; repeated or with commas, any of several.
    state: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn parse_state_list<S>(text: Option<&str>) -> Result<Vec<S>, Problem>
where
    S: FromStr,
    S::Err: fmt::Display,
{
    let unknown_state =
        |error: S::Err| Problem::new(Code::InvalidQuery, format!("`state`: {error}.")).at("/state");
    let names = text.into_iter().flat_map(|text| text.split(','));
    names.map(|name| name.parse().map_err(unknown_state)).collect()
}

/// Lists backfills, newest first.
#[utoipa::path(tag = "backfills", params(BackfillQuery), responses((status = 200, body = List<Backfill>)))]
#[get("/backfills")]
async fn list_backfills(
    caller: Caller<AnyUser, System>,
    query: Query<BackfillQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let filter = BackfillFilter {
        visible: caller.visible_projects(),
        project: query.project,
        workflow: query.workflow,
        states: parse_state_list::<BackfillState>(query.state.as_deref())?,
    };
    let paging = Paging {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = caller
        .catalog()
        .backfills()
        .list(&filter, &paging.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<Backfill>::from_page(page)))
}

/// Reads a backfill that exists.
pub(crate) async fn find_backfill(server: &Server, id: BackfillId) -> Result<BackfillRow, Problem> {
    let row = server.catalog().backfills().find(id).await?;
    row.ok_or_else(|| Problem::not_found(format!("backfill {id}")))
}

/// Reads a backfill.
#[utoipa::path(tag = "backfills", params(("id" = String, Path)), responses((status = 200, body = Backfill)))]
#[get("")]
async fn get_backfill(caller: Caller<Read, BackfillId>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let row = find_backfill(caller.server(), *caller.object()).await?;
    Ok(HttpResponse::Ok().json(Backfill::from(row)))
}

/// Lists the dates of a backfill in the order of running.
#[utoipa::path(tag = "backfills", params(("id" = String, Path), BackfillDateQuery),
    responses((status = 200, body = List<BackfillDate>)))]
#[get("/dates")]
async fn list_backfill_dates(
    caller: Caller<Read, BackfillId>,
    query: Query<BackfillDateQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let states = parse_state_list::<DateState>(query.state.as_deref())?;
    let paging = Paging {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = caller
        .catalog()
        .backfills()
        .list_dates(*caller.object(), &states, &paging.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<BackfillDate>::from_page(page)))
}
