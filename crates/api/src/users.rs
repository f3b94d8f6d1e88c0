//! Users, which administrators manage.

pub(crate) mod own_password;
pub(crate) mod preferences;
mod views;

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use catalog::{Access, NewUser, UserEdit, UserRole};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query, check_name};
use crate::http::idempotency::create_once;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::users::views::{RoleName, UserView};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(read_me)
        .service(list_users)
        .service(create_user)
        .service(edit_user)
        .service(delete_user);
}

/// A user to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateUser {
    /// Unique.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Without one the user cannot log in, but may hold tokens.
    #[schema(min_length = 10, max_length = 1024)]
    password: Option<String>,
    /// `member` unless given.
    role: Option<RoleName>,
}

/// The changes to a user; a change ends the user's sessions and tokens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditUser {
    #[schema(min_length = 10, max_length = 1024)]
    password: Option<String>,
    role: Option<RoleName>,
    enabled: Option<bool>,
}

/// Returns the caller's user.
#[utoipa::path(tag = "users", responses((status = 200, body = UserView)))]
#[get("/users/me")]
async fn read_me(caller: Caller<AnyUser, System>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let user = caller.catalog().users().find(&caller.identity().name).await?;
    let user = user.ok_or_else(|| Problem::not_found(format!("user `{}`", caller.identity().name)))?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// Lists the users by name.
#[utoipa::path(tag = "users", params(Paging), responses((status = 200, body = List<UserView>)))]
#[get("/users")]
async fn list_users(caller: Caller<Admin, System>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let page = caller.catalog().users().list(&paging.0.page_request()?).await?;
    Ok(HttpResponse::Ok().json(List::<UserView>::from_page(page)))
}

/// Creates a user.
#[utoipa::path(tag = "users", request_body = CreateUser, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = UserView), (status = 409)))]
#[post("/users")]
async fn create_user(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CreateUser>,
) -> Result<HttpResponse, Problem> {
    check_name("/name", &body.value.name)?;
    let create = async |key| {
        let new = NewUser {
            name: body.value.name,
            password_hash: hash_password(&caller, body.value.password).await?,
            role: body.value.role.map_or(UserRole::Member, UserRole::from),
        };
        Ok(caller
            .catalog()
            .users()
            .create(&new, &caller.audit_context(key))
            .await?)
    };
    let find = async |name: &str| Ok(caller.catalog().users().find(name).await?);
    let user = create_once(&caller, &request, &body.bytes, create, find).await?;
    Ok(HttpResponse::Created().json(UserView::from(user)))
}

async fn hash_password(
    caller: &Caller<Admin, System>,
    password: Option<String>,
) -> Result<Option<String>, Problem> {
    match password {
        Some(password) => caller
            .server()
            .passwords()
            .hash_password(password, "/password")
            .await
            .map(Some),
        None => Ok(None),
    }
}

/// Changes a user and ends its sessions and tokens.
#[utoipa::path(tag = "users", params(("name" = String, Path)), request_body = EditUser,
    responses((status = 200, body = UserView), (status = 409)))]
#[patch("/users/{name}")]
async fn edit_user(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<EditUser>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "name")?;
    let access = |enabled| {
        if enabled {
            Access::Enabled
        } else {
            Access::Disabled
        }
    };
    let edit = UserEdit {
        password_hash: hash_password(&caller, body.value.password).await?,
        role: body.value.role.map(UserRole::from),
        access: body.value.enabled.map(access),
    };
    let user = caller
        .catalog()
        .users()
        .edit(&name, &edit, &caller.audit_context(None))
        .await;
    caller.server().identities().clear();
    Ok(HttpResponse::Ok().json(UserView::from(user?)))
}

/// Deletes a user with its tokens and grants.
#[utoipa::path(tag = "users", params(("name" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("/users/{name}")]
async fn delete_user(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "name")?;
    let done = caller
        .catalog()
        .users()
        .delete(&name, &caller.audit_context(None))
        .await;
    caller.server().identities().clear();
    done?;
    Ok(HttpResponse::NoContent().finish())
}
