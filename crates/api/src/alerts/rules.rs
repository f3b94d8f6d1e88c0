//! The rules of projects and of the server.

use actix_web::{HttpResponse, get, put};
use catalog::{Project, RuleOwner};
use engine::alert::{AlertRule, parse_rule_list, serialize_rules};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::alerts::channel_check::{PlacedRules, check_channels};
use crate::alerts::views::{PutRules, RuleList};
use crate::auth::access::{Admin, Caller, Read, Write};
use crate::auth::objects::System;
use crate::http::body::{NoQuery, Query, ValueBody};
use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(read_server_rules).service(put_server_rules);
}

pub(crate) fn register_project_routes(config: &mut ServiceConfig) {
    config.service(read_project_rules).service(put_project_rules);
}

/// Reads the rules of a project.
#[utoipa::path(tag = "alerts", params(("project" = String, Path)), responses((status = 200, body = RuleList)))]
#[get("/notify")]
async fn read_project_rules(
    caller: Caller<Read, Project>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let owner = RuleOwner::Project(caller.object().id);
    answer(&caller.catalog().alerts().rules(owner).await?)
}

/// Stores the rules of a project, in the place of those before.
#[utoipa::path(tag = "alerts", params(("project" = String, Path)), request_body = PutRules,
    responses((status = 200, body = RuleList)))]
#[put("/notify")]
async fn put_project_rules(
    caller: Caller<Write, Project>,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let owner = RuleOwner::Project(caller.object().id);
    store_rules(&caller, owner, &body).await
}

/// Reads the rules of the server.
#[utoipa::path(tag = "alerts", responses((status = 200, body = RuleList)))]
#[get("/notify")]
async fn read_server_rules(
    caller: Caller<Admin, System>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    answer(&caller.catalog().alerts().rules(RuleOwner::Server).await?)
}

/// Stores the rules of the server, in the place of those before.
#[utoipa::path(tag = "alerts", request_body = PutRules, responses((status = 200, body = RuleList)))]
#[put("/notify")]
async fn put_server_rules(
    caller: Caller<Admin, System>,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    store_rules(&caller, RuleOwner::Server, &body).await
}

async fn store_rules<N, O>(
    caller: &Caller<N, O>,
    owner: RuleOwner,
    body: &ValueBody,
) -> Result<HttpResponse, Problem> {
    let rules = parse_rule_list(&body.value, owner.source()).map_err(|issues| {
        let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
        let first = errors.first().map(|error| error.message.clone());
        Problem::new(Code::InvalidBody, first.unwrap_or_default()).with_errors(errors)
    })?;
    let placed = PlacedRules {
        pointer: "/rules".to_owned(),
        rules: &rules,
    };
    check_channels(caller.catalog(), owner.project(), &[placed], |_| None).await?;
    let alerts = caller.catalog().alerts();
    alerts
        .replace_rules(owner, &rules, &caller.audit_context(None))
        .await?;
    answer(&rules)
}

fn answer(rules: &[AlertRule]) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(RuleList {
        rules: serialize_rules(rules),
    }))
}
