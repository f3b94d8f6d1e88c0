//! The outermost layer: request ids, problems in one shape, security headers, one log line and one metric each.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};

use super::access::is_leaving;
use super::codes::Code;
use super::problem::Problem;

/// The header that names a request, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Sent with every answer.
const SECURITY: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'self'; img-src 'self' data:; style-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
];

/// Names one request in answers and logs.
#[derive(Debug, Clone)]
pub(super) struct RequestId(String);

impl RequestId {
    /// Returns the id of a request that passed the outermost layer.
    pub(super) fn of(request: &HttpRequest) -> String {
        request
            .extensions()
            .get::<Self>()
            .map(|id| id.0.clone())
            .unwrap_or_default()
    }

    /// Takes the caller's id when it is harmless, else makes one.
    fn from_headers(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let legal = |id: &&str| {
            (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        Self(
            given
                .filter(legal)
                .map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned),
        )
    }
}

/// Wraps every other layer.
pub(super) async fn respond(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let id = RequestId::from_headers(request.headers());
    request.extensions_mut().insert(id.clone());
    let begun = Instant::now();
    let mut answer = match next.call(request).await {
        Ok(answer) => answer.map_into_boxed_body(),
        // A handler panicked, or the framework gave up: there is no request left to answer to.
        Err(error) => {
            let problem = Problem::internal(&error).render(&id.0);
            return Err(InternalError::from_response(error, problem).into());
        }
    };
    if let Some(problem) = problem_in(&answer) {
        answer = answer.into_response(problem.render(&id.0));
    }
    add_headers(&mut answer, &id);
    if is_leaving(answer.request()) {
        // The client finds a node that stays before this one closes its door.
        answer
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    record(&answer, &id, begun);
    Ok(answer)
}

/// Finds what has to be shown as a problem; errors of the framework included.
fn problem_in(answer: &ServiceResponse<BoxBody>) -> Option<Problem> {
    if let Some(error) = answer.response().error() {
        if let Some(problem) = error.as_error::<Problem>() {
            return Some(problem.clone());
        }
        return Some(of_status(answer.status(), &error.to_string()));
    }
    let status = answer.status();
    let shown = answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json");
    ((status.is_client_error() || status.is_server_error()) && !shown).then(|| of_status(status, ""))
}

fn of_status(status: StatusCode, said: &str) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("such path"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(Code::MethodNotAllowed, "The path has no such method.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::BodyTooLarge, "The body is too large."),
        status if status.is_client_error() => {
            Problem::new(Code::MalformedBody, "The request cannot be read.")
        }
        _ => Problem::internal(said),
    }
}

fn add_headers(answer: &mut ServiceResponse<BoxBody>, id: &RequestId) {
    let is_api = answer.request().path().starts_with("/api/v1");
    let headers = answer.headers_mut();
    for (name, value) in SECURITY {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    let cache = HeaderName::from_static("cache-control");
    if is_api && !headers.contains_key(&cache) {
        headers.insert(cache, HeaderValue::from_static("no-store"));
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
}

fn record(answer: &ServiceResponse<BoxBody>, id: &RequestId, begun: Instant) {
    let request = answer.request();
    let route = request.match_pattern().unwrap_or_else(|| "other".to_owned());
    if route == "/healthz" || route == "/readyz" || route == "/metrics" {
        return;
    }
    let (method, status) = (request.method().as_str(), answer.status().as_u16());
    let seconds = begun.elapsed().as_secs_f64();
    let labels = [("route", route.clone()), ("method", method_label(method))];
    metrics::histogram!("porpoise_http_request_duration_seconds", &labels).record(seconds);
    metrics::counter!("porpoise_http_requests_total", "route" => route.clone(), "method" => method_label(method), "status" => status.to_string())
        .increment(1);
    tracing::debug!(request_id = %id.0, %method, %route, status, ms = seconds * 1000.0, "request");
    if answer.status().is_server_error() {
        tracing::warn!(request_id = %id.0, %method, %route, status, "request failed");
    }
}

/// Any other method a caller invents must not become a label.
fn method_label(method: &str) -> String {
    match method {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS" => method.to_owned(),
        _ => "other".to_owned(),
    }
}
