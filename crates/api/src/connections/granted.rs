//! The projects that may use a shared connection.

use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use catalog::GrantTarget;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, Caller};
use crate::auth::objects::System;
use crate::connections::views::ConnectionGrantView;
use crate::http::body::{NoQuery, Query};
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

/// What stands for all projects in the path.
const ALL: &str = "*";

pub(super) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(list_connection_grants)
        .service(grant_connection)
        .service(revoke_connection);
}

/// Lists the projects that may use a shared connection; `*` is all of them.
#[utoipa::path(tag = "connections", params(("connection" = String, Path), Paging),
    responses((status = 200, body = List<ConnectionGrantView>)))]
#[get("/connections/{connection}/grants")]
async fn list_connection_grants(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "connection")?;
    let page = paging.0.page_request()?;
    let page = caller.catalog().connections().list_grants(&name, &page).await?;
    Ok(HttpResponse::Ok().json(List::<ConnectionGrantView>::from_page(page)))
}

/// Lets a project, or with `*` every project, use a shared connection.
#[utoipa::path(tag = "connections", params(("connection" = String, Path), ("project" = String, Path)),
    responses((status = 204)))]
#[put("/connections/{connection}/grants/{project}")]
async fn grant_connection(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "connection")?;
    let target = find_target(&caller, &request).await?;
    let context = caller.audit_context(None);
    caller
        .catalog()
        .connections()
        .grant(&name, target, &context)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes a grant back: attempts that begin afterwards fail.
#[utoipa::path(tag = "connections", params(("connection" = String, Path), ("project" = String, Path)),
    responses((status = 204)))]
#[delete("/connections/{connection}/grants/{project}")]
async fn revoke_connection(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "connection")?;
    let target = find_target(&caller, &request).await?;
    let context = caller.audit_context(None);
    caller
        .catalog()
        .connections()
        .revoke(&name, target, &context)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn find_target(caller: &Caller<Admin, System>, request: &HttpRequest) -> Result<GrantTarget, Problem> {
    let name = path_parameter(request, "project")?;
    if name == ALL {
        return Ok(GrantTarget::All);
    }
    let project = caller.catalog().projects().find(&name).await?;
    let project = project.ok_or_else(|| Problem::not_found(format!("project `{name}`")))?;
    Ok(GrantTarget::Project(project.id))
}
