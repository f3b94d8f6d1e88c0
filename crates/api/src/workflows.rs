//! Workflows: documents in, versions out.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header::{ACCEPT, ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, OfProject, Read, Write, path_value};
use super::body::{DocumentBody, NoQuery, Query, media_type};
use super::codes::Code;
use super::lists::{List, Paging};
use super::problem::{Detail, Problem};
use super::users::check_name;
use super::views::time;
use document::{LocatedDiagnostic, place_of, read_document};
use store::catalog::{
    Format, IfMatch, NewVersion, Put, PutOutcome, VersionSummary, WorkflowSummary, WorkflowVersion,
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(put_workflow)
        .service(list_workflows)
        .service(read_workflow)
        .service(list_versions)
        .service(delete_workflow);
}

/// What a put did.
#[derive(Debug, Serialize, ToSchema)]
struct Applied {
    project: String,
    name: String,
    /// The newest version.
    version: i64,
    /// False: the newest version was the same already.
    changed: bool,
}

/// Choices of a put.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PutQuery {
    /// Validates and stores nothing.
    dry_run: Option<bool>,
}

/// Stores a document as the newest version of a workflow, unless it is the newest already.
#[utoipa::path(tag = "workflows",
    params(("project" = String, Path), ("workflow" = String, Path), PutQuery,
        ("If-Match" = Option<String>, Header, description = "The ETag that is expected to be stored, or `*`")),
    request_body(content((Value = "application/json"), (String = "application/yaml"))),
    responses((status = 200, body = Applied), (status = 201, body = Applied), (status = 412)))]
#[put("/api/v1/projects/{project}/workflows/{workflow}")]
async fn put_workflow(
    who: Authorised<Write, OfProject>,
    request: HttpRequest,
    query: Query<PutQuery>,
    body: DocumentBody,
) -> Result<HttpResponse, Problem> {
    let name = path_value(&request, "workflow")?;
    check_name("/name", &name)?;
    let format = format_of(&request)?;
    let new = read_version(&name, &who.object.0.name, &body, format).await?;
    let if_match = if_match(&request)?;
    let project = who.object.0.id;
    let dry = query.0.dry_run.unwrap_or_default();
    let put = if dry {
        who.catalog().check_put(project, &new, if_match).await?
    } else {
        who.catalog()
            .put_workflow(project, &new, if_match, &who.request(None))
            .await?
    };
    Ok(applied(put, dry, &who.object.0.name, name))
}

fn applied(put: Put, dry: bool, project: &str, name: String) -> HttpResponse {
    let mut answer = match put.outcome {
        PutOutcome::Created if !dry => HttpResponse::Created(),
        _ => HttpResponse::Ok(),
    };
    answer.insert_header((ETAG, etag(put.version))).json(Applied {
        project: project.to_owned(),
        name,
        version: put.version,
        changed: put.outcome != PutOutcome::Unchanged,
    })
}

fn format_of(request: &HttpRequest) -> Result<Format, Problem> {
    match media_type(request).as_str() {
        "application/json" => Ok(Format::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" => Ok(Format::Yaml),
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "A document is `application/yaml` or `application/json`.",
        )),
    }
}

/// Reads and checks a document off the event loop: a large one takes a while.
async fn read_version(
    name: &str,
    project: &str,
    body: &DocumentBody,
    format: Format,
) -> Result<NewVersion, Problem> {
    let source = std::str::from_utf8(&body.0)
        .map_err(|_| Problem::new(Code::MalformedBody, "The document is not UTF-8."))?
        .to_owned();
    let bytes = body.0.clone();
    let written = match format {
        Format::Yaml => document::Format::Yaml,
        Format::Json => document::Format::Json,
    };
    let read = tokio::task::spawn_blocking(move || read_document(&bytes, written));
    let (definition, model) = read
        .await
        .map_err(Problem::internal)?
        .map_err(|issues| rejected(&issues))?;
    let in_document = [
        ("name", name, Some(&definition.name)),
        ("project", project, definition.project.as_ref()),
    ];
    named_alike(&in_document, |pointer| place_of(&body.0, written, pointer))?;
    Ok(NewVersion {
        name: name.to_owned(),
        definition: Arc::new(definition),
        hash: hex::encode(Sha256::digest(model.to_string())),
        model,
        source,
        format,
    })
}

/// Compares what the URL says with what the document says, where it says anything.
fn named_alike(
    members: &[(&str, &str, Option<&String>)],
    place: impl Fn(&str) -> Option<(u32, u32)>,
) -> Result<(), Problem> {
    let differing = members.iter().filter_map(|(member, in_url, in_document)| {
        let in_document = in_document.filter(|named| named != in_url)?;
        let pointer = format!("/{member}");
        let (line, column) = place(&pointer).unzip();
        Some(Detail {
            message: format!("The document's `{member}` is `{in_document}`, the URL says `{in_url}`."),
            code: Code::InvalidDocument.as_str().to_owned(),
            pointer,
            line,
            column,
        })
    });
    let errors: Vec<Detail> = differing.collect();
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(Code::InvalidDocument, first.message.clone()).with_errors(errors)),
    }
}

fn rejected(issues: &[LocatedDiagnostic]) -> Problem {
    let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
    let first = errors
        .first()
        .map(|error| error.message.as_str())
        .unwrap_or_default();
    let at = errors
        .first()
        .and_then(|error| error.line)
        .map(|line| format!(" in line {line}"));
    let detail = format!(
        "{} error(s); the first{}: {first}",
        errors.len(),
        at.unwrap_or_default()
    );
    Problem::new(Code::InvalidDocument, detail).with_errors(errors)
}

fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

fn if_match(request: &HttpRequest) -> Result<Option<IfMatch>, Problem> {
    let Some(header) = request.headers().get(IF_MATCH) else {
        return Ok(None);
    };
    let text = header.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Some(IfMatch::Exists));
    }
    let version = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .and_then(|v| v.parse().ok());
    version.map(IfMatch::Version).map(Some).ok_or_else(|| {
        Problem::new(
            Code::InvalidHeader,
            "`If-Match` is `*` or one ETag of this workflow, such as `\"3\"`.",
        )
    })
}

/// A workflow in a list.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowItem {
    name: String,
    /// The newest version.
    version: i64,
    description: String,
    labels: BTreeMap<String, String>,
    /// The number of tasks.
    tasks: u32,
    created_at: String,
    updated_at: String,
}

impl From<WorkflowSummary> for WorkflowItem {
    fn from(row: WorkflowSummary) -> Self {
        Self {
            name: row.name,
            version: row.version,
            description: row.description,
            labels: row.labels,
            tasks: row.tasks,
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        }
    }
}

/// Lists the workflows of a project by name.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), Paging),
    responses((status = 200, body = List<WorkflowItem>)))]
#[get("/api/v1/projects/{project}/workflows")]
async fn list_workflows(
    who: Authorised<Read, OfProject>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = who
        .catalog()
        .workflows(who.object.0.id, &paging.0.request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<WorkflowItem>::of(page)))
}

/// One version of a workflow.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowView {
    project: String,
    name: String,
    version: i64,
    /// The document as the canonical model.
    document: Value,
    created_at: String,
    created_by: String,
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// The newest unless given.
    version: Option<i64>,
}

/// Reads one version of a workflow: as JSON, or the stored source text with `Accept: application/yaml`.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path), VersionQuery),
    responses((status = 200, content((WorkflowView = "application/json"), (String = "application/yaml")))))]
#[get("/api/v1/projects/{project}/workflows/{workflow}")]
async fn read_workflow(
    who: Authorised<Read, OfProject>,
    request: HttpRequest,
    query: Query<VersionQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_value(&request, "workflow")?;
    let found = who
        .catalog()
        .workflow(who.object.0.id, &name, query.0.version)
        .await?;
    let found = found.ok_or_else(|| match query.0.version {
        Some(version) => Problem::not_found(format!("version {version} of workflow `{name}`")),
        None => Problem::not_found(format!("workflow `{name}`")),
    })?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((ETAG, etag(found.version)));
    if wants_yaml(&request) {
        return Ok(answer
            .content_type("application/yaml; charset=utf-8")
            .body(found.source));
    }
    Ok(answer.json(shown(&who.object.0.name, found)))
}

fn shown(project: &str, found: WorkflowVersion) -> WorkflowView {
    WorkflowView {
        project: project.to_owned(),
        name: found.name,
        version: found.version,
        document: found.model,
        created_at: time(found.created_at),
        created_by: found.created_by,
    }
}

/// Whether YAML is named before JSON; JSON is YAML, so the source text fits whatever it was written in.
fn wants_yaml(request: &HttpRequest) -> bool {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut kinds = accept
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let known = kinds.find(|kind| kind.ends_with("yaml") || kind.ends_with("json") || *kind == "*/*");
    known.is_some_and(|kind| kind.ends_with("yaml"))
}

/// One version of a workflow in a list.
#[derive(Debug, Serialize, ToSchema)]
struct VersionItem {
    version: i64,
    /// SHA-256 of the canonical model.
    hash: String,
    created_at: String,
    created_by: String,
}

impl From<VersionSummary> for VersionItem {
    fn from(row: VersionSummary) -> Self {
        Self {
            version: row.version,
            hash: row.hash,
            created_at: time(row.created_at),
            created_by: row.created_by,
        }
    }
}

/// Lists the versions of a workflow, newest first.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path), Paging),
    responses((status = 200, body = List<VersionItem>)))]
#[get("/api/v1/projects/{project}/workflows/{workflow}/versions")]
async fn list_versions(
    who: Authorised<Read, OfProject>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let name = path_value(&request, "workflow")?;
    let page = who
        .catalog()
        .versions(who.object.0.id, &name, &paging.0.request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<VersionItem>::of(page)))
}

/// Deletes a workflow without open instances, with its versions and its ended instances.
#[utoipa::path(tag = "workflows", params(("project" = String, Path), ("workflow" = String, Path)),
    responses((status = 204), (status = 409)))]
#[delete("/api/v1/projects/{project}/workflows/{workflow}")]
async fn delete_workflow(
    who: Authorised<Write, OfProject>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_value(&request, "workflow")?;
    who.catalog()
        .delete_workflow(who.object.0.id, &name, &who.request(None))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
