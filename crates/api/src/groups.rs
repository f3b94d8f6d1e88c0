//! Groups of users, which administrators manage.

mod views;

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use catalog::GroupChange;
use engine::spec::names;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, Caller};
use crate::auth::objects::System;
use crate::groups::views::{GroupView, PutGroup};
use crate::http::body::{Body, NoQuery, Query, check_name};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

/// The most members of a group.
const MAX_MEMBERS: usize = 1_000;

/// The most users whose names are compared with an unknown one.
const COMPARED_USERS: u32 = 200;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(put_group)
        .service(list_groups)
        .service(read_group)
        .service(delete_group);
}

/// Stores a group with these members, in place of those that it had.
#[utoipa::path(tag = "users", params(("group" = String, Path)), request_body = PutGroup,
    responses((status = 200, body = GroupView), (status = 201, body = GroupView)))]
#[put("/groups/{group}")]
async fn put_group(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PutGroup>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "group")?;
    check_name("/name", &name)?;
    let members = body.value.members;
    if members.len() > MAX_MEMBERS {
        let detail = format!("A group has at most {MAX_MEMBERS} members.");
        return Err(Problem::new(Code::InvalidBody, detail).at("/members"));
    }
    let unique: BTreeSet<String> = members.iter().cloned().collect();
    let groups = caller.catalog().user_groups();
    match groups.put(&name, unique, &caller.audit_context(None)).await? {
        GroupChange::Created(group) => Ok(HttpResponse::Created().json(GroupView::from(group))),
        GroupChange::Replaced(group) => Ok(HttpResponse::Ok().json(GroupView::from(group))),
        GroupChange::UnknownUser(unknown) => Err(unknown_member(&caller, &members, &unknown).await?),
    }
}

/// Names the member that is no user, and the user that was probably meant.
async fn unknown_member(
    caller: &Caller<Admin, System>,
    members: &[String],
    unknown: &str,
) -> Result<Problem, Problem> {
    let first_users = Paging {
        limit: Some(COMPARED_USERS),
        cursor: None,
    };
    let users = caller
        .catalog()
        .users()
        .list(&first_users.page_request()?)
        .await?;
    let known = users.items.iter().map(|user| user.name.as_str());
    let hint = names::nearest(unknown, known)
        .map(|near| format!(" Did you mean `{near}`?"))
        .unwrap_or_default();
    let place = members.iter().position(|member| member == unknown).unwrap_or(0);
    let detail = format!("There is no user `{unknown}`.{hint}");
    Ok(Problem::new(Code::InvalidBody, detail).at(format!("/members/{place}")))
}

/// Lists the groups by name.
#[utoipa::path(tag = "users", params(Paging), responses((status = 200, body = List<GroupView>)))]
#[get("/groups")]
async fn list_groups(caller: Caller<Admin, System>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let page = caller
        .catalog()
        .user_groups()
        .list(&paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<GroupView>::from_page(page)))
}

/// Reads a group.
#[utoipa::path(tag = "users", params(("group" = String, Path)), responses((status = 200, body = GroupView)))]
#[get("/groups/{group}")]
async fn read_group(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "group")?;
    let found = caller.catalog().user_groups().find(&name).await?;
    let group = found.ok_or_else(|| Problem::not_found(format!("group `{name}`")))?;
    Ok(HttpResponse::Ok().json(GroupView::from(group)))
}

/// Deletes a group; its members stay.
#[utoipa::path(tag = "users", params(("group" = String, Path)), responses((status = 204)))]
#[delete("/groups/{group}")]
async fn delete_group(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "group")?;
    caller
        .catalog()
        .user_groups()
        .delete(&name, &caller.audit_context(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
