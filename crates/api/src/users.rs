//! Users, for administrators; and who oneself is.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use engine::document::names;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Admin, Authorised, Everything, SignedIn, path_value};
use super::body::{Body, NoQuery, Query};
use super::codes::Code;
use super::idempotency::{Seen, gone, look_up};
use super::lists::{List, Paging};
use super::problem::Problem;
use super::views::time;
use store::catalog::{Access, NewUser, Role, User, UserEdit};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(read_me)
        .service(list_users)
        .service(create_user)
        .service(edit_user)
        .service(delete_user);
}

/// What a user may do without a grant.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RoleName {
    /// Everything.
    Admin,
    /// Nothing.
    Member,
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
struct UserView {
    name: String,
    role: RoleName,
    /// False: may do nothing.
    enabled: bool,
    created_at: String,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            role: user.role.into(),
            enabled: user.access == Access::Enabled,
            created_at: time(user.created_at),
        }
    }
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

/// What changes of a user; a change ends the user's sessions and tokens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditUser {
    #[schema(min_length = 10, max_length = 1024)]
    password: Option<String>,
    role: Option<RoleName>,
    enabled: Option<bool>,
}

/// Checks the rules for names of projects, workflows and users.
pub(super) fn check_name(pointer: &str, name: &str) -> Result<(), Problem> {
    names::check(name).map_err(|why| Problem::new(Code::InvalidName, why).at(pointer))
}

/// Says who the caller is.
#[utoipa::path(tag = "users", responses((status = 200, body = UserView)))]
#[get("/api/v1/users/me")]
async fn read_me(who: Authorised<SignedIn, Everything>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let user = who.catalog().user(&who.identity.name).await?;
    let user = user.ok_or_else(|| Problem::not_found(format!("user `{}`", who.identity.name)))?;
    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// Lists the users by name.
#[utoipa::path(tag = "users", params(Paging), responses((status = 200, body = List<UserView>)))]
#[get("/api/v1/users")]
async fn list_users(
    who: Authorised<Admin, Everything>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = who.catalog().users(&paging.0.request()?).await?;
    Ok(HttpResponse::Ok().json(List::<UserView>::of(page)))
}

/// Creates a user.
#[utoipa::path(tag = "users", request_body = CreateUser, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = UserView), (status = 409)))]
#[post("/api/v1/users")]
async fn create_user(
    who: Authorised<Admin, Everything>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CreateUser>,
) -> Result<HttpResponse, Problem> {
    check_name("/name", &body.value.name)?;
    let key = match look_up(&who, &request, &body.bytes).await? {
        Seen::New(key) => key,
        Seen::Before(known) => {
            let user = who.catalog().user(&known.resource).await?;
            return Ok(HttpResponse::Created().json(UserView::from(user.ok_or_else(|| gone(&known))?)));
        }
    };
    let new = NewUser {
        name: body.value.name,
        password_hash: hashed(&who, body.value.password).await?,
        role: body.value.role.map_or(Role::Member, Role::from),
    };
    let user = who.catalog().create_user(&new, &who.request(key)).await?;
    Ok(HttpResponse::Created().json(UserView::from(user)))
}

async fn hashed(
    who: &Authorised<Admin, Everything>,
    password: Option<String>,
) -> Result<Option<String>, Problem> {
    match password {
        Some(password) => who.server.passwords.hash(password).await.map(Some),
        None => Ok(None),
    }
}

/// Changes a user and ends its sessions and tokens.
#[utoipa::path(tag = "users", params(("name" = String, Path)), request_body = EditUser,
    responses((status = 200, body = UserView), (status = 409)))]
#[patch("/api/v1/users/{name}")]
async fn edit_user(
    who: Authorised<Admin, Everything>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<EditUser>,
) -> Result<HttpResponse, Problem> {
    let name = path_value(&request, "name")?;
    let access = |enabled| {
        if enabled {
            Access::Enabled
        } else {
            Access::Disabled
        }
    };
    let edit = UserEdit {
        password_hash: hashed(&who, body.value.password).await?,
        role: body.value.role.map(Role::from),
        access: body.value.enabled.map(access),
    };
    let user = who.catalog().edit_user(&name, &edit, &who.request(None)).await;
    who.server.identities.forget();
    Ok(HttpResponse::Ok().json(UserView::from(user?)))
}

/// Deletes a user with its tokens and grants.
#[utoipa::path(tag = "users", params(("name" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("/api/v1/users/{name}")]
async fn delete_user(
    who: Authorised<Admin, Everything>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_value(&request, "name")?;
    let done = who.catalog().delete_user(&name, &who.request(None)).await;
    who.server.identities.forget();
    done?;
    Ok(HttpResponse::NoContent().finish())
}
