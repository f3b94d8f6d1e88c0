//! What waits for the decision of a person.

pub(crate) mod commands;
mod views;

use actix_web::{HttpResponse, get};
use catalog::{ApprovalDecider, ApprovalFilter};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::approvals::views::ApprovalView;
use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::body::Query;
use crate::http::paging::{List, Paging};
use crate::http::problem::Problem;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(list_approvals);
}

/// The filter of a list of approvals; everything given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ApprovalQuery {
    /// Only those that the caller may decide.
    mine: Option<bool>,
    /// The project's name.
    project: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the tasks that wait for a decision, oldest instance first.
#[utoipa::path(tag = "approvals", params(ApprovalQuery), responses((status = 200, body = List<ApprovalView>)))]
#[get("/approvals")]
async fn list_approvals(
    caller: Caller<AnyUser, System>,
    query: Query<ApprovalQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let is_restricted = query.mine.unwrap_or_default() && !caller.is_admin();
    let identity = caller.identity();
    let decider = match is_restricted {
        true => Some(ApprovalDecider {
            user: identity.user,
            name: identity.name.clone(),
            groups: caller.catalog().user_groups().names_of(identity.user).await?,
        }),
        false => None,
    };
    let filter = ApprovalFilter {
        visible: caller.visible_projects(),
        project: query.project,
        decider,
    };
    let paging = Paging {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = caller
        .catalog()
        .approvals()
        .list(&filter, &paging.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<ApprovalView>::from_page(page)))
}
