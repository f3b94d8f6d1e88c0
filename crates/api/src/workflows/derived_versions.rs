//! Versions made of stored ones: an earlier version as the newest, and a copy under another name.

use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, post};
use catalog::{
    IfMatch, Permission, Project, SaveOutcome, SavedVersion, SourceFormat, VersionOrigin, WorkflowVersion,
};
use document::{Format, set_text_member};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Level, Read, Write};
use crate::http::body::{Body, DocumentBody, NoQuery, Query, check_name};
use crate::http::idempotency::create_once;
use crate::http::path::path_parameter;
use crate::http::problem::Problem;
use crate::workflows::document_request::parse_version;
use crate::workflows::etag::format_etag;
use crate::workflows::find_version;
use crate::workflows::views::PutResult;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(restore_version).service(copy_workflow);
}

/// A body without members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RestoreVersion {}

/// Stores an earlier version again as the newest, unless it is the newest already.
#[utoipa::path(tag = "workflows", request_body = RestoreVersion,
    params(("project" = String, Path), ("workflow" = String, Path), ("version" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = PutResult)))]
#[post("/api/v1/projects/{project}/workflows/{workflow}/versions/{version}/restore")]
async fn restore_version(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<RestoreVersion>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "workflow")?;
    let version = path_parameter(&request, "version")?;
    let number: i64 = version
        .parse()
        .map_err(|_| Problem::not_found(format!("version {version} of workflow `{name}`")))?;
    let project = caller.object();
    let restore = async |key| {
        let stored = find_version(&caller, &name, Some(number)).await?;
        let text = DocumentBody(stored.source.into());
        let mut new = parse_version(caller.server(), (project, &name), &text, stored.format).await?;
        new.origin = VersionOrigin::Restored;
        let context = caller.audit_context(key);
        let workflows = caller.catalog().workflows();
        let saved = workflows.save_version(project.id, &new, None, &context).await?;
        caller.server().state().node.schedules_changed();
        caller.server().state().node.places_changed();
        Ok(saved)
    };
    let saved = create_once(&caller, &request, &body.bytes, restore, async |resource: &str| {
        Ok(saved_before(resource, SaveOutcome::Changed))
    });
    let saved = saved.await?;
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, format_etag(saved.version)))
        .json(PutResult::new(&project.name, name, &saved)))
}

/// Where a copy goes; at least one member differs from the original.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CopyWorkflow {
    /// The project; the same unless given.
    project: Option<String>,
    /// The name; the same unless given.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
}

/// Stores the newest document under another name or in another project. Schedules of the copy are paused.
#[utoipa::path(tag = "workflows", request_body = CopyWorkflow,
    params(("project" = String, Path), ("workflow" = String, Path),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = PutResult), (status = 409)))]
#[post("/api/v1/projects/{project}/workflows/{workflow}/copy")]
async fn copy_workflow(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CopyWorkflow>,
) -> Result<HttpResponse, Problem> {
    let original = path_parameter(&request, "workflow")?;
    let CopyWorkflow { project, name } = body.value;
    let name = name.unwrap_or_else(|| original.clone());
    check_name("/name", &name)?;
    let target = match project {
        Some(project) => find_project(&caller, &project).await?,
        None => caller.object().clone(),
    };
    let write = Level::Grant(Permission::Write);
    caller.check_permission(write, Some(target.id), &request).await?;
    let copy = async |key| {
        let stored = find_version(&caller, &original, None).await?;
        let text = DocumentBody(rename_document(&stored, &name, &target.name).into());
        let mut new = parse_version(caller.server(), (&target, &name), &text, stored.format).await?;
        new.origin = VersionOrigin::Copied;
        let context = caller.audit_context(key);
        let workflows = caller.catalog().workflows();
        let saved = workflows.save_version(target.id, &new, Some(IfMatch::Absent), &context);
        Ok(saved.await?)
    };
    let saved = create_once(&caller, &request, &body.bytes, copy, async |resource: &str| {
        Ok(saved_before(resource, SaveOutcome::Created))
    });
    let saved = saved.await?;
    Ok(HttpResponse::Created()
        .insert_header((ETAG, format_etag(saved.version)))
        .json(PutResult::new(&target.name, name.clone(), &saved)))
}

async fn find_project(caller: &Caller<Read, Project>, name: &str) -> Result<Project, Problem> {
    let found = caller.catalog().projects().find(name).await?;
    found.ok_or_else(|| Problem::not_found(format!("project `{name}`")))
}

/// Writes the names of the copy into the text of the original.
fn rename_document(stored: &WorkflowVersion, name: &str, project: &str) -> String {
    let format = match stored.format {
        SourceFormat::Yaml => Format::Yaml,
        SourceFormat::Json => Format::Json,
    };
    let renamed = set_text_member(&stored.source, format, "name", name);
    set_text_member(&renamed, format, "project", project)
}

/// Reads the answer of an earlier request out of what it stored, `WORKFLOW@VERSION`.
fn saved_before(resource: &str, outcome: SaveOutcome) -> Option<SavedVersion> {
    let (_, version) = resource.split_once('@')?;
    Some(SavedVersion {
        version: version.parse().ok()?,
        outcome,
    })
}
