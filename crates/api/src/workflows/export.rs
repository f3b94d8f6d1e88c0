//! The documents of a project as one YAML stream.

use actix_web::web::Bytes;
use actix_web::{HttpResponse, get};
use catalog::{Catalog, Project, ProjectId, SourceFormat, SourceSelection, WorkflowSource};
use document::{Format, to_stream_part};
use futures_util::stream::try_unfold;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read};
use crate::http::body::Query;
use crate::http::codes::Code;
use crate::http::problem::Problem;

/// The most documents in memory at a time.
const BATCH: u64 = 16;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(export_workflows);
}

/// Returns the newest documents by name as one stream of YAML, which `porpoise workflow apply` reads.
#[utoipa::path(tag = "workflows",
    params(("project" = String, Path),
        ("workflow" = Option<Vec<String>>, Query, description = "Only these workflows; may be repeated")),
    responses((status = 200, content((serde_json::Value = "application/yaml")))))]
#[get("/export")]
async fn export_workflows(
    caller: Caller<Read, Project>,
    query: Query<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let selection = parse_selection(query.0)?;
    let project = caller.object().id;
    let workflows = caller.catalog().workflows();
    workflows.check_sources(project, &selection).await?;
    let export = Export {
        catalog: caller.catalog().clone(),
        project,
        selection,
        after: String::new(),
    };
    // The first batch is read here: a database that is away is a problem, not a broken stream.
    let first = export.read_next().await?;
    let parts = try_unfold(first, async |next: Option<(Bytes, Export)>| match next {
        Some((part, export)) => Ok::<_, Problem>(Some((part, export.read_next().await?))),
        None => Ok(None),
    });
    Ok(HttpResponse::Ok()
        .content_type("application/yaml; charset=utf-8")
        .streaming(parts))
}

fn parse_selection(query: Vec<(String, String)>) -> Result<SourceSelection, Problem> {
    if let Some((unknown, _)) = query.iter().find(|(name, _)| name != "workflow") {
        let detail = format!("The query string is wrong: unknown field `{unknown}`, expected `workflow`.");
        return Err(Problem::new(Code::InvalidQuery, detail).at(format!("/{unknown}")));
    }
    let names: Vec<String> = query.into_iter().map(|(_, name)| name).collect();
    Ok(if names.is_empty() {
        SourceSelection::All
    } else {
        SourceSelection::Named(names)
    })
}

/// An export under way.
struct Export {
    catalog: Catalog,
    project: ProjectId,
    selection: SourceSelection,
    /// The last name that was written.
    after: String,
}

impl Export {
    /// Reads the next documents as a part of the stream; none at its end.
    async fn read_next(mut self) -> Result<Option<(Bytes, Self)>, Problem> {
        let workflows = self.catalog.workflows();
        let sources = workflows.list_sources(self.project, &self.selection, &self.after, BATCH);
        let sources = sources.await?;
        let Some(last) = sources.last() else {
            return Ok(None);
        };
        self.after = last.name.clone();
        // Large documents take a while to parse.
        let text = tokio::task::spawn_blocking(move || sources.iter().map(stream_part).collect::<String>());
        let text = text.await.map_err(Problem::internal)?;
        Ok(Some((Bytes::from(text), self)))
    }
}

fn stream_part(source: &WorkflowSource) -> String {
    let format = match source.format {
        SourceFormat::Yaml => Format::Yaml,
        SourceFormat::Json => Format::Json,
    };
    to_stream_part(&source.source, format)
}
