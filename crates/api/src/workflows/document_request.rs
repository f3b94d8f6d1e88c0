//! The request that stores a document.

use std::sync::Arc;

use actix_web::HttpRequest;
use catalog::{NewVersion, Project, SourceFormat, VersionOrigin};
use document::{LocatedDiagnostic, find_position, parse_document};
use sha2::{Digest, Sha256};

use crate::alerts::channel_check::{check_channels, rules_of_document};
use crate::auth::server::Server;
use crate::connections::check_connections;
use crate::http::body::{DocumentBody, media_type};
use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};
use crate::limits::check_limits;
use crate::schedules::check_calendars;
use crate::secrets::check_secrets;
use crate::workflows::named_workflows::check_grants;

/// Returns the format that the content type names.
pub(crate) fn parse_format(request: &HttpRequest) -> Result<SourceFormat, Problem> {
    match media_type(request).as_str() {
        "application/json" => Ok(SourceFormat::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" => Ok(SourceFormat::Yaml),
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "A document is `application/yaml` or `application/json`.",
        )),
    }
}

/// Parses a document of a workflow, off the event loop, since a large one takes a while.
pub(crate) async fn parse_version(
    server: &Server,
    (project, name): (&Project, &str),
    body: &DocumentBody,
    format: SourceFormat,
) -> Result<NewVersion, Problem> {
    let source = std::str::from_utf8(&body.0)
        .map_err(|_| Problem::new(Code::MalformedBody, "The document is not UTF-8."))?
        .to_owned();
    let bytes = body.0.clone();
    let document_format = match format {
        SourceFormat::Yaml => document::Format::Yaml,
        SourceFormat::Json => document::Format::Json,
    };
    let parsed = tokio::task::spawn_blocking(move || parse_document(&bytes, document_format));
    let (definition, model) = parsed
        .await
        .map_err(Problem::internal)?
        .map_err(|issues| invalid_document(&issues))?;
    let in_document = [
        ("name", name, Some(&definition.name)),
        ("project", &project.name, definition.project.as_ref()),
    ];
    let position = |pointer: &str| find_position(&body.0, document_format, pointer);
    check_names(&in_document, position)?;
    check_calendars(server.catalog(), project.id, &definition, position).await?;
    check_grants(server.catalog(), project, &definition, position).await?;
    check_limits(server.catalog(), project.id, &definition, position).await?;
    check_secrets(server.catalog(), project.id, &definition, position).await?;
    check_connections(server.catalog(), project.id, &definition, position).await?;
    let rules = rules_of_document(&definition);
    check_channels(server.catalog(), Some(project.id), &rules, position).await?;
    Ok(NewVersion {
        name: name.to_owned(),
        definition: Arc::new(definition),
        hash: hex::encode(Sha256::digest(model.to_string())),
        model,
        source,
        format,
        origin: VersionOrigin::Document,
        default_timezone: server.state().timezone,
    })
}

/// Compares the names of the document, where it has any, with those of the URL.
fn check_names(
    members: &[(&str, &str, Option<&String>)],
    position: impl Fn(&str) -> Option<(u32, u32)>,
) -> Result<(), Problem> {
    let differing = members.iter().filter_map(|(member, in_url, in_document)| {
        let in_document = in_document.filter(|named| named != in_url)?;
        let pointer = format!("/{member}");
        let (line, column) = position(&pointer).unzip();
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

fn invalid_document(issues: &[LocatedDiagnostic]) -> Problem {
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
