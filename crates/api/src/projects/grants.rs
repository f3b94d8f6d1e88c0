//! The grants on a project.

use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use catalog::{Grant, Permission, Project};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Owner, Write};
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::projects::views::PermissionName;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(list_grants)
        .service(put_grant)
        .service(remove_grant);
}

/// A grant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutGrant {
    permission: PermissionName,
}

/// The permission of one user in a project, or of the documents of another project.
#[derive(Debug, Serialize, ToSchema)]
struct GrantView {
    /// The user's name, or `project:NAME` for the documents of another project.
    user: String,
    permission: PermissionName,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        Self {
            user: grant.user,
            permission: grant.permission.into(),
        }
    }
}

/// Lists the grants on a project: those of users by name, then those of other projects.
#[utoipa::path(tag = "projects", params(("project" = String, Path), Paging),
    responses((status = 200, body = List<GrantView>)))]
#[get("/grants")]
async fn list_grants(caller: Caller<Write, Project>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let page = caller
        .catalog()
        .grants()
        .list(caller.object().id, &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<GrantView>::from_page(page)))
}

/// Grants something in a project, or changes the grant: to a user, or to `project:NAME`, whose documents may then wait for
/// instances of its workflows (`read`) or start them as children (`execute`).
#[utoipa::path(tag = "projects", params(("project" = String, Path), ("user" = String, Path)),
    request_body = PutGrant, responses((status = 200, body = GrantView)))]
#[put("/grants/{user}")]
async fn put_grant(
    caller: Caller<Owner, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PutGrant>,
) -> Result<HttpResponse, Problem> {
    let grant = Grant {
        user: path_parameter(&request, "user")?,
        permission: body.value.permission.into(),
    };
    check_project_grant(&grant, caller.object())?;
    caller
        .catalog()
        .grants()
        .put(caller.object().id, &grant, &caller.audit_context(None))
        .await?;
    Ok(HttpResponse::Ok().json(GrantView::from(grant)))
}

/// Refuses what a project cannot be granted.
fn check_project_grant(grant: &Grant, project: &Project) -> Result<(), Problem> {
    let Some(other) = grant.user.strip_prefix("project:") else {
        return Ok(());
    };
    if other == project.name {
        let detail = "Documents may name the workflows of their own project without a grant.";
        return Err(Problem::new(Code::InvalidName, detail).at("/user"));
    }
    match grant.permission {
        Permission::Read | Permission::Execute => Ok(()),
        Permission::Write | Permission::Owner => {
            let detail = "A project is granted `read` or `execute`.";
            Err(Problem::new(Code::InvalidBody, detail).at("/permission"))
        }
    }
}

/// Revokes a grant.
#[utoipa::path(tag = "projects", params(("project" = String, Path), ("user" = String, Path)),
    responses((status = 204)))]
#[delete("/grants/{user}")]
async fn remove_grant(
    caller: Caller<Owner, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let user = path_parameter(&request, "user")?;
    caller
        .catalog()
        .grants()
        .delete(caller.object().id, &user, &caller.audit_context(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
