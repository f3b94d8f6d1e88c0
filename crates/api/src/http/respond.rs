//! The outermost layer: request ids, problems in one shape, security headers, a log line with metrics for each request.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

use crate::auth::server::is_draining;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::http::request_id::{REQUEST_ID, RequestId};

/// Security headers of every response.
const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'self'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; frame-ancestors 'none'",
    ),
];

/// Completes the response of every other layer.
pub(crate) async fn complete_response(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let id = RequestId::from_headers(request.headers());
    request.extensions_mut().insert(id.clone());
    let started = Instant::now();
    let mut response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        // A handler panicked, or the framework failed: the request is gone.
        Err(error) => {
            let problem = Problem::internal(&error).render_response(id.as_str());
            return Err(InternalError::from_response(error, problem).into());
        }
    };
    if let Some(problem) = find_problem(&response) {
        response = response.into_response(problem.render_response(id.as_str()));
    }
    add_headers(&mut response, &id);
    if is_draining(response.request()) {
        // The client connects to another node before this one stops accepting.
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    record_request(&response, &id, started);
    Ok(response)
}

/// Finds the problem that a response has to show, errors of the framework included.
fn find_problem(response: &ServiceResponse<BoxBody>) -> Option<Problem> {
    if let Some(error) = response.response().error() {
        if let Some(problem) = error.as_error::<Problem>() {
            return Some(problem.clone());
        }
        return Some(problem_of_status(response.status(), &error.to_string()));
    }
    let status = response.status();
    let is_rendered = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json");
    ((status.is_client_error() || status.is_server_error()) && !is_rendered)
        .then(|| problem_of_status(status, ""))
}

fn problem_of_status(status: StatusCode, cause: &str) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("such path"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(Code::MethodNotAllowed, "The path has no such method.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::BodyTooLarge, "The body is too large."),
        status if status.is_client_error() => {
            Problem::new(Code::MalformedBody, "The request cannot be read.")
        }
        _ => Problem::internal(cause),
    }
}

fn add_headers(response: &mut ServiceResponse<BoxBody>, id: &RequestId) {
    let is_api = response.request().path().starts_with("/api/v1");
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    let cache = HeaderName::from_static("cache-control");
    if is_api && !headers.contains_key(&cache) {
        headers.insert(cache, HeaderValue::from_static("no-store"));
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
}

fn record_request(response: &ServiceResponse<BoxBody>, id: &RequestId, started: Instant) {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "other".to_owned());
    if route == "/healthz" || route == "/readyz" || route == "/metrics" {
        return;
    }
    let (method, status) = (request.method().as_str(), response.status().as_u16());
    let seconds = started.elapsed().as_secs_f64();
    let labels = [("route", route.clone()), ("method", method_label(method))];
    metrics::histogram!("porpoise_http_request_duration_seconds", &labels).record(seconds);
    metrics::counter!("porpoise_http_requests_total", "route" => route.clone(), "method" => method_label(method), "status" => status.to_string())
        .increment(1);
    tracing::debug!(request_id = %id.as_str(), %method, %route, status, ms = seconds * 1000.0, "request");
    if response.status().is_server_error() {
        tracing::warn!(request_id = %id.as_str(), %method, %route, status, "request failed");
    }
}

/// Returns the label of a method; one that a caller invents must not become a label.
fn method_label(method: &str) -> String {
    match method {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS" => method.to_owned(),
        _ => "other".to_owned(),
    }
}
