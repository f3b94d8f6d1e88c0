//! Projects and the grants on them.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use engine::document::check_loose;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Admin, Authorised, Everything, OfProject, Read, SignedIn, Write, path_value};
use super::body::{Body, NoQuery, Query, escaped};
use super::codes::Code;
use super::idempotency::{Seen, gone, look_up};
use super::lists::{List, Paging};
use super::problem::{Detail, Problem};
use super::users::check_name;
use super::views::Project;
use store::catalog::{Grant, KnownRequest, NewProject, Permission, ProjectEdit};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(create_project)
        .service(list_projects)
        .service(read_project)
        .service(edit_project)
        .service(delete_project)
        .service(list_grants)
        .service(put_grant)
        .service(remove_grant);
}

/// A project to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateProject {
    /// Unique.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// For people.
    #[serde(default)]
    description: String,
    /// Parameters of every instance in it.
    #[serde(default)]
    params: BTreeMap<String, String>,
}

/// What changes of a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditProject {
    description: Option<String>,
    /// All parameters anew.
    params: Option<BTreeMap<String, String>>,
}

/// Creates a project; whoever creates it may write in it.
#[utoipa::path(tag = "projects", request_body = CreateProject,
    params(("Idempotency-Key" = Option<String>, Header)), responses((status = 201, body = Project), (status = 409)))]
#[post("/api/v1/projects")]
async fn create_project(
    who: Authorised<SignedIn, Everything>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CreateProject>,
) -> Result<HttpResponse, Problem> {
    check_name("/name", &body.value.name)?;
    check_params(&body.value.params)?;
    let key = match look_up(&who, &request, &body.bytes).await? {
        Seen::New(key) => key,
        Seen::Before(known) => return created_before(&who, &known).await,
    };
    let new = NewProject {
        name: body.value.name,
        description: body.value.description,
        params: body.value.params,
    };
    let project = who.catalog().create_project(&new, &who.request(key)).await?;
    Ok(HttpResponse::Created().json(Project::from(project)))
}

/// Lists what is wrong with parameters that every task of the project would get.
fn check_params(params: &BTreeMap<String, String>) -> Result<(), Problem> {
    let wrong = params.iter().filter_map(|(name, value)| {
        let (code, message) = check_loose(name, value).err()?;
        Some(Detail {
            pointer: format!("/params/{}", escaped(name)),
            code: code.to_owned(),
            message,
            line: None,
            column: None,
        })
    });
    let errors: Vec<Detail> = wrong.collect();
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(Code::InvalidBody, first.message.clone()).with_errors(errors)),
    }
}

async fn created_before(
    who: &Authorised<SignedIn, Everything>,
    known: &KnownRequest,
) -> Result<HttpResponse, Problem> {
    let project = who.catalog().project(&known.resource).await?;
    Ok(HttpResponse::Created().json(Project::from(project.ok_or_else(|| gone(known))?)))
}

/// Lists the projects that the caller may see, by name.
#[utoipa::path(tag = "projects", params(Paging), responses((status = 200, body = List<Project>)))]
#[get("/api/v1/projects")]
async fn list_projects(
    who: Authorised<SignedIn, Everything>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = who
        .catalog()
        .projects(&who.visible(), &paging.0.request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<Project>::of(page)))
}

/// Reads a project.
#[utoipa::path(tag = "projects", params(("project" = String, Path)), responses((status = 200, body = Project)))]
#[get("/api/v1/projects/{project}")]
async fn read_project(who: Authorised<Read, OfProject>, _: Query<NoQuery>) -> HttpResponse {
    HttpResponse::Ok().json(Project::from(who.object.0))
}

/// Changes a project.
#[utoipa::path(tag = "projects", params(("project" = String, Path)), request_body = EditProject,
    responses((status = 200, body = Project)))]
#[patch("/api/v1/projects/{project}")]
async fn edit_project(
    who: Authorised<Write, OfProject>,
    _: Query<NoQuery>,
    body: Body<EditProject>,
) -> Result<HttpResponse, Problem> {
    if let Some(params) = &body.value.params {
        check_params(params)?;
    }
    let edit = ProjectEdit {
        description: body.value.description,
        params: body.value.params,
    };
    let name = &who.object.0.name;
    let project = who
        .catalog()
        .edit_project(name, &edit, &who.request(None))
        .await?;
    Ok(HttpResponse::Ok().json(Project::from(project)))
}

/// Deletes an empty project.
#[utoipa::path(tag = "projects", params(("project" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("/api/v1/projects/{project}")]
async fn delete_project(
    who: Authorised<Admin, OfProject>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    who.catalog()
        .delete_project(&who.object.0.name, &who.request(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a user may do in a project; each includes those before it.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Allowed {
    Read,
    Execute,
    Write,
}

/// A grant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutGrant {
    permission: Allowed,
}

/// What one user may do in a project.
#[derive(Debug, Serialize, ToSchema)]
struct GrantView {
    user: String,
    permission: Allowed,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        Self {
            user: grant.user,
            permission: match grant.permission {
                Permission::Read => Allowed::Read,
                Permission::Execute => Allowed::Execute,
                Permission::Write => Allowed::Write,
            },
        }
    }
}

/// Lists the grants on a project by user.
#[utoipa::path(tag = "projects", params(("project" = String, Path)),
    responses((status = 200, body = List<GrantView>)))]
#[get("/api/v1/projects/{project}/grants")]
async fn list_grants(who: Authorised<Write, OfProject>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let grants = who.catalog().grants(who.object.0.id).await?;
    Ok(HttpResponse::Ok().json(List::whole(grants.into_iter().map(GrantView::from).collect())))
}

/// Grants a user something in a project, or changes the grant.
#[utoipa::path(tag = "projects", params(("project" = String, Path), ("user" = String, Path)),
    request_body = PutGrant, responses((status = 200, body = GrantView)))]
#[put("/api/v1/projects/{project}/grants/{user}")]
async fn put_grant(
    who: Authorised<Admin, OfProject>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PutGrant>,
) -> Result<HttpResponse, Problem> {
    let grant = Grant {
        user: path_value(&request, "user")?,
        permission: match body.value.permission {
            Allowed::Read => Permission::Read,
            Allowed::Execute => Permission::Execute,
            Allowed::Write => Permission::Write,
        },
    };
    who.catalog()
        .put_grant(who.object.0.id, &grant, &who.request(None))
        .await?;
    Ok(HttpResponse::Ok().json(GrantView::from(grant)))
}

/// Takes a grant back.
#[utoipa::path(tag = "projects", params(("project" = String, Path), ("user" = String, Path)),
    responses((status = 204)))]
#[delete("/api/v1/projects/{project}/grants/{user}")]
async fn remove_grant(
    who: Authorised<Admin, OfProject>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let user = path_value(&request, "user")?;
    who.catalog()
        .delete_grant(who.object.0.id, &user, &who.request(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
