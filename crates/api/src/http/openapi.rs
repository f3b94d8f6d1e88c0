//! The description of the interface (OpenAPI 3.1), which also knows the methods of each path.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::Value;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem, ProblemBody};

/// The name of the security scheme.
const SCHEME: &str = "token";
/// The name of the schema of every error answer.
const PROBLEM: &str = "Problem";

/// Adds what holds for all endpoints: the token, and every problem that each can answer with.
fn complete_description(mut description: OpenApi) -> OpenApi {
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
    components
        .schemas
        .insert(PROBLEM.to_owned(), ProblemBody::schema());
    components
        .schemas
        .insert(Detail::name().into_owned(), Detail::schema());
    for (path, item) in &mut description.paths.paths {
        for (_, operation) in operations(item) {
            complete_operation(operation, path);
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

fn complete_operation(operation: &mut Operation, path: &str) {
    let is_public = operation.security.is_some();
    let mut codes = vec![400, 503];
    if !is_public {
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
            describe_response(status, response);
        }
    }
}

fn describe_response(status: &str, response: &mut Response) {
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

/// Writes the description with the JSON Schema of documents, which utoipa has no types for.
fn with_document_schema(description: &OpenApi) -> Value {
    let mut json = serde_json::to_value(description).unwrap_or_default();
    let mut schema = engine::spec::document_schema();
    if let Some(members) = schema.as_object_mut() {
        members.shift_remove("$schema");
    }
    if let Some(place) = json.pointer_mut("/components/schemas/WorkflowDocument") {
        *place = schema;
    }
    json
}

/// The complete description as JSON, with the methods of each path.
#[derive(Clone)]
pub(crate) struct Description {
    json: Arc<Value>,
    methods: Arc<BTreeMap<String, Vec<&'static str>>>,
}

impl Description {
    /// Completes what the routes describe.
    pub(crate) fn new(description: OpenApi) -> Self {
        let mut description = complete_description(description);
        let json = with_document_schema(&description);
        let paths = &mut description.paths.paths;
        let methods = paths.iter_mut().map(|(path, item)| {
            let names = operations(item).into_iter().map(|(method, _)| method).collect();
            (path.clone(), names)
        });
        Self {
            methods: Arc::new(methods.collect()),
            json: Arc::new(json),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        Value::clone(&self.json)
    }

    /// Returns the methods of a path, if it is described.
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

/// Returns this description.
#[utoipa::path(tag = "health", responses((status = 200, body = serde_json::Value)))]
#[get("/api/openapi.json")]
async fn describe_all(
    _caller: Caller<AnyUser, System>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let known = request.app_data::<Description>();
    let known = known.ok_or_else(|| Problem::internal("the application has no description"))?;
    Ok(HttpResponse::Ok().json(&*known.json))
}

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(describe_all);
}

/// Refuses a request that no route matches.
pub(crate) async fn reject_unknown_path(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let known = request.app_data::<Description>();
    Err(match known.and_then(|known| known.methods_of(request.path())) {
        Some(methods) => {
            let detail = format!("The path has no method {}; it has {methods}.", request.method());
            Problem::new(Code::MethodNotAllowed, detail).with_allowed_methods(methods)
        }
        None => Problem::not_found("such path"),
    })
}
