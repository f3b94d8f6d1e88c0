//! The description of the interface (OpenAPI 3.1), the page that shows it, and the answer to unknown paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, HeaderValue, LOCATION};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpRequest, HttpResponse, get, web};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::AppExt;

use super::access::{Authorised, Everything, SignedIn};
use super::codes::Code;
use super::problem::{Detail, Problem, Rendered};

const SCHEME: &str = "token";
const PROBLEM: &str = "Problem";

/// Describes every endpoint.
pub fn openapi() -> OpenApi {
    let (_, description) = App::new()
        .into_utoipa_app()
        .configure(super::routes)
        .split_for_parts();
    finish(description)
}

/// Adds what holds for all endpoints: the token, and every problem that each can answer with.
pub(super) fn finish(mut description: OpenApi) -> OpenApi {
    description.info.title = "Porpoise".to_owned();
    description.info.version = env!("CARGO_PKG_VERSION").to_owned();
    description.info.description = Some("Schedules and runs workflows.".to_owned());
    description.info.license = None;
    // Would name the authors of a library.
    description.info.contact = None;
    description.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
    let components = description.components.get_or_insert_default();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components
        .security_schemes
        .insert(SCHEME.to_owned(), SecurityScheme::Http(scheme).into());
    components.schemas.insert(PROBLEM.to_owned(), Rendered::schema());
    components
        .schemas
        .insert(Detail::name().into_owned(), Detail::schema());
    for (path, item) in &mut description.paths.paths {
        for (_, operation) in operations(item) {
            complete(operation, path);
        }
    }
    description
}

fn operations(item: &mut PathItem) -> Vec<(&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, slot)| Some((method, slot.as_mut()?)))
        .collect()
}

fn complete(operation: &mut Operation, path: &str) {
    let open = operation.security.is_some();
    let mut codes = vec![400, 503];
    if !open {
        codes.extend([401, 403]);
    }
    if path.contains('{') {
        codes.push(404);
    }
    if operation.request_body.is_some() {
        codes.extend([413, 415, 422]);
    }
    if path.contains('{') && operation.request_body.is_some() {
        codes.push(409);
    }
    let responses = &mut operation.responses.responses;
    for code in codes {
        responses
            .entry(code.to_string())
            .or_insert_with(|| RefOr::T(Response::new("")));
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response {
            describe(status, response);
        }
    }
}

fn describe(status: &str, response: &mut Response) {
    if !status.starts_with(['4', '5']) {
        if response.description.is_empty() {
            response.description = "Done".to_owned();
        }
        return;
    }
    let titles = Code::ALL.iter().filter(|code| code.status().as_str() == status);
    let codes: Vec<&str> = titles.map(|code| code.as_str()).collect();
    response.description = format!("A problem: {}", codes.join(", "));
    let schema = Ref::from_schema_name(PROBLEM);
    response.content.insert(
        "application/problem+json".to_owned(),
        RefOr::T(Content::new(Some(schema))),
    );
}

/// The finished description, ready to be sent, and which methods each path has.
#[derive(Clone)]
pub(super) struct Description {
    json: web::Bytes,
    methods: Arc<BTreeMap<String, Vec<&'static str>>>,
}

impl Description {
    pub(super) fn of(description: &OpenApi) -> Self {
        let mut paths = description.paths.paths.clone();
        let methods = paths.iter_mut().map(|(path, item)| {
            let names = operations(item).into_iter().map(|(method, _)| method).collect();
            (path.clone(), names)
        });
        Self {
            methods: Arc::new(methods.collect()),
            json: description.to_json().unwrap_or_default().into(),
        }
    }

    /// Returns the methods of a path, if it is one of ours.
    fn methods_of(&self, path: &str) -> Option<String> {
        let fits = |template: &str| {
            let (wanted, given) = (template.split('/'), path.split('/'));
            wanted.clone().count() == given.clone().count()
                && wanted
                    .zip(given)
                    .all(|(a, b)| a == b || (a.starts_with('{') && !b.is_empty()))
        };
        let found: Vec<&str> = self
            .methods
            .iter()
            .filter(|(template, _)| fits(template))
            .flat_map(|(_, methods)| methods.iter().copied())
            .collect();
        (!found.is_empty()).then(|| found.join(", "))
    }
}

/// Gives this description.
#[utoipa::path(tag = "health", responses((status = 200, body = serde_json::Value)))]
#[get("/api/openapi.json")]
async fn describe_all(
    _who: Authorised<SignedIn, Everything>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let known = request.app_data::<Description>();
    let known = known.ok_or_else(|| Problem::internal("the application has no description"))?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(known.json.clone()))
}

pub(super) fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config.service(describe_all);
}

/// Answers what no route takes.
pub(super) async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let known = request.app_data::<Description>();
    Err(match known.and_then(|known| known.methods_of(request.path())) {
        Some(methods) => {
            let detail = format!("The path has no method {}; it has {methods}.", request.method());
            Problem::new(Code::MethodNotAllowed, detail).allowing(methods)
        }
        None => Problem::not_found("such path"),
    })
}

/// Asks for a token once per browser tab, and sends it with each request of the page.
const INITIALIZER: &str = include_str!("docs/initializer.js");

/// Registers the page; its files are open, the description behind it is not.
pub(super) fn page(config: &mut ServiceConfig) {
    config
        .route("/api/docs", web::get().to(to_page))
        .route("/api/docs/{file:.*}", web::get().to(page_file));
}

async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/api/docs/"))
        .finish()
}

async fn page_file(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    if *file == "swagger-initializer.js" {
        return Ok(HttpResponse::Ok()
            .content_type("text/javascript; charset=utf-8")
            .body(INITIALIZER));
    }
    let config = Arc::new(utoipa_swagger_ui::Config::from("/api/openapi.json"));
    let found = utoipa_swagger_ui::serve(&file, config).map_err(Problem::internal)?;
    let found = found.ok_or_else(|| Problem::not_found("such file"))?;
    let mut answer = HttpResponse::Ok();
    if found.gzpipped {
        answer.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    Ok(answer
        .content_type(found.content_type)
        .body(found.bytes.into_owned()))
}
