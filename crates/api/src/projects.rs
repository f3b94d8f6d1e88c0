//! Projects.

pub(crate) mod grants;
mod views;

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use catalog::{NewProject, Project, ProjectEdit, ProjectId};
use engine::spec::{ProjectDefaults, check_external_param};
use ports::RetentionLimit;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, Level, Owner, Read, Write};
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query, check_name, escape_pointer};
use crate::http::codes::Code;
use crate::http::idempotency::create_once;
use crate::http::paging::{List, Paging};
use crate::http::param_text::ParamText;
use crate::http::problem::{Detail, Problem};
use crate::projects::views::{DefaultsView, ProjectView};

/// The largest cap of a project.
const MAX_CAP: u32 = 1_000_000;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(create_project).service(list_projects);
}

pub(crate) fn register_project_routes(config: &mut ServiceConfig) {
    config
        .service(read_project)
        .service(edit_project)
        .service(delete_project);
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
    params: BTreeMap<String, ParamText>,
}

/// The changes to a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditProject {
    description: Option<String>,
    /// Replaces all parameters.
    params: Option<BTreeMap<String, ParamText>>,
    /// Replaces all defaults.
    #[schema(value_type = Option<DefaultsView>)]
    defaults: Option<Value>,
    /// For how long ended instances are kept, such as `30d`, or `never`; null for the server's limit. Needs an
    /// administrator.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    retention: Option<Option<String>>,
    /// The most instances that may be open at a time, without children and dry runs; null for no cap. Needs an
    /// administrator.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000)]
    max_instances: Option<Option<i64>>,
    /// The most attempts on workers at a time; null for no cap. Needs an administrator.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000)]
    max_tasks: Option<Option<i64>>,
    /// Its share of slots among projects that wait for them, 1 to 100. Needs an administrator.
    #[schema(minimum = 1, maximum = 100)]
    weight: Option<i64>,
}

/// Reads a member that is there, so that null differs from its absence.
fn nullable<'de, D, T>(member: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(member).map(Some)
}

/// Parses a cap of a project; null takes it away.
fn parse_cap(cap: Option<i64>, pointer: &str) -> Result<Option<u32>, Problem> {
    let parse = |number: i64| match u32::try_from(number).ok().filter(|cap| *cap <= MAX_CAP) {
        Some(cap) => Ok(cap),
        None => {
            let detail = format!("A cap is a whole number from 0 to {MAX_CAP}, or null for none.");
            Err(Problem::new(Code::InvalidBody, detail).at(pointer))
        }
    };
    cap.map(parse).transpose()
}

/// Creates a project; its creator becomes its owner.
#[utoipa::path(tag = "projects", request_body = CreateProject,
    params(("Idempotency-Key" = Option<String>, Header)), responses((status = 201, body = ProjectView), (status = 409)))]
#[post("/projects")]
async fn create_project(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CreateProject>,
) -> Result<HttpResponse, Problem> {
    check_name("/name", &body.value.name)?;
    let params = parse_params(body.value.params)?;
    let create = async |key| {
        let new = NewProject {
            name: body.value.name,
            description: body.value.description,
            params,
        };
        Ok(caller
            .catalog()
            .projects()
            .create(&new, &caller.audit_context(key))
            .await?)
    };
    let find = async |name: &str| Ok(caller.catalog().projects().find(name).await?);
    let project = create_once(&caller, &request, &body.bytes, create, find).await?;
    Ok(HttpResponse::Created().json(view_for(&caller, project).await?))
}

/// Shows a project with what the caller may do in it.
async fn view_for<N, O>(caller: &Caller<N, O>, project: Project) -> Result<ProjectView, Problem> {
    let permissions = caller.permissions_in(&[project.id]).await?;
    // A grant that was taken back while the request ran.
    let revoked = || Problem::new(Code::Forbidden, "This needs a permission on the project.");
    let permission = *permissions.get(&project.id).ok_or_else(revoked)?;
    Ok(ProjectView::new(project, permission))
}

/// Parses parameters that every task of the project gets.
fn parse_params(params: BTreeMap<String, ParamText>) -> Result<BTreeMap<String, String>, Problem> {
    let params: BTreeMap<String, String> = params
        .into_iter()
        .map(|(name, value)| (name, value.into_text()))
        .collect();
    let errors = params.iter().filter_map(|(name, value)| {
        let (code, message) = check_external_param(name, value).err()?;
        Some(Detail {
            pointer: format!("/params/{}", escape_pointer(name)),
            code: code.to_owned(),
            message,
            line: None,
            column: None,
        })
    });
    let errors: Vec<Detail> = errors.collect();
    match errors.first() {
        None => Ok(params),
        Some(first) => Err(Problem::new(Code::InvalidBody, first.message.clone()).with_errors(errors)),
    }
}

/// Parses what holds where tasks and documents are silent.
fn parse_defaults(defaults: &Value) -> Result<ProjectDefaults, Problem> {
    ProjectDefaults::parse(defaults).map_err(|mistakes| {
        let errors: Vec<Detail> = mistakes.iter().map(Detail::from).collect();
        let first = errors.first().map(|error| error.message.clone());
        Problem::new(Code::InvalidBody, first.unwrap_or_default()).with_errors(errors)
    })
}

/// Parses the limit of ended instances; null takes the server's.
fn parse_retention(limit: Option<String>) -> Result<Option<RetentionLimit>, Problem> {
    let parse = |text: String| {
        text.parse()
            .map_err(|why: String| Problem::new(Code::InvalidBody, format!("{why}.")).at("/retention"))
    };
    limit.map(parse).transpose()
}

/// Parses the share among projects that wait for slots.
fn parse_weight(weight: i64) -> Result<u32, Problem> {
    u32::try_from(weight)
        .ok()
        .filter(|weight| (1..=100).contains(weight))
        .ok_or_else(|| Problem::new(Code::InvalidBody, "`weight` is 1 to 100.").at("/weight"))
}

/// Lists the projects that the caller may see, by name.
#[utoipa::path(tag = "projects", params(Paging), responses((status = 200, body = List<ProjectView>)))]
#[get("/projects")]
async fn list_projects(
    caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = caller
        .catalog()
        .projects()
        .list(&caller.visible_projects(), &paging.0.page_request()?)
        .await?;
    let ids: Vec<ProjectId> = page.items.iter().map(|project| project.id).collect();
    let permissions = caller.permissions_in(&ids).await?;
    let items = page.items.into_iter().filter_map(|project| {
        let permission = *permissions.get(&project.id)?;
        Some(ProjectView::new(project, permission))
    });
    Ok(HttpResponse::Ok().json(List::new(items.collect(), page.next_cursor)))
}

/// Reads a project.
#[utoipa::path(tag = "projects", params(("project" = String, Path)), responses((status = 200, body = ProjectView)))]
#[get("")]
async fn read_project(caller: Caller<Read, Project>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let project = caller.object().clone();
    Ok(HttpResponse::Ok().json(view_for(&caller, project).await?))
}

/// Changes a project.
#[utoipa::path(tag = "projects", params(("project" = String, Path)), request_body = EditProject,
    responses((status = 200, body = ProjectView)))]
#[patch("")]
async fn edit_project(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<EditProject>,
) -> Result<HttpResponse, Problem> {
    let EditProject {
        retention,
        max_instances,
        max_tasks,
        weight,
        ..
    } = &body.value;
    if retention.is_some() || max_instances.is_some() || max_tasks.is_some() || weight.is_some() {
        caller.check_permission(Level::Admin, None, &request).await?;
    }
    let edit = ProjectEdit {
        description: body.value.description,
        params: body.value.params.map(parse_params).transpose()?,
        defaults: body.value.defaults.as_ref().map(parse_defaults).transpose()?,
        retention: body.value.retention.map(parse_retention).transpose()?,
        max_instances: body
            .value
            .max_instances
            .map(|cap| parse_cap(cap, "/max_instances"))
            .transpose()?,
        max_tasks: body
            .value
            .max_tasks
            .map(|cap| parse_cap(cap, "/max_tasks"))
            .transpose()?,
        weight: body.value.weight.map(parse_weight).transpose()?,
    };
    let name = &caller.object().name;
    let project = caller
        .catalog()
        .projects()
        .edit(name, &edit, &caller.audit_context(None))
        .await?;
    let node = &caller.server().state().node;
    if edit.max_instances.is_some() {
        node.places_changed();
    }
    if edit.max_tasks.is_some() || edit.weight.is_some() {
        node.limits_changed();
    }
    Ok(HttpResponse::Ok().json(view_for(&caller, project).await?))
}

/// Deletes an empty project.
#[utoipa::path(tag = "projects", params(("project" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("")]
async fn delete_project(caller: Caller<Owner, Project>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    caller
        .catalog()
        .projects()
        .delete(&caller.object().name, &caller.audit_context(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
