//! Stands in front of every route and lets nobody through without a valid token, but for a short list.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

use super::super::codes::Code;
use super::super::limits;
use super::super::problem::Problem;
use super::{Server, server_of, token_hash};
use store::catalog::Identity;

/// Whether a request needs no token: health, the login, and the files of the UI and of the API page.
pub(in super::super) fn is_open(method: &Method, path: &str) -> bool {
    if *method == Method::POST {
        return path == "/api/v1/auth/login";
    }
    let reads = *method == Method::GET || *method == Method::HEAD;
    let is_file = path == "/api/docs" || path.starts_with("/api/docs/");
    let below = |root: &str| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    reads && (is_file || !["/api", "/rpc", "/metrics"].into_iter().any(below))
}

pub(super) fn no_token() -> Problem {
    Problem::new(
        Code::Unauthenticated,
        "Send a valid token: `Authorization: Bearer TOKEN`.",
    )
}

/// Looks at the token and remembers whose it is.
pub(in super::super) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let admitted = if is_open(request.method(), request.path()) {
        count_open(&request)
    } else {
        identify(&request)
            .await
            .map(|identity| drop(request.extensions_mut().insert(identity)))
    };
    if let Err(problem) = admitted {
        return Ok(request.error_response(problem));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// Supervisors and balancers ask for health as often as they like.
fn count_open(request: &ServiceRequest) -> Result<(), Problem> {
    if matches!(request.path(), "/healthz" | "/readyz") {
        return Ok(());
    }
    server_of(request.request())?
        .limits
        .strangers
        .take(origin(request))
}

async fn identify(request: &ServiceRequest) -> Result<Identity, Problem> {
    let server = server_of(request.request())?;
    let found = match bearer(request) {
        Some(token) => identity_of(&server, &token_hash(token), origin(request)).await?,
        None => None,
    };
    let Some(identity) = found else {
        server.limits.strangers.take(origin(request))?;
        return Err(no_token());
    };
    server.limits.tokens.take(identity.token)?;
    Ok(identity)
}

async fn identity_of(
    server: &Server,
    hash: &str,
    origin: Option<IpAddr>,
) -> Result<Option<Identity>, Problem> {
    if let Some(known) = server.identities.get(hash, server.now()) {
        return Ok(Some(known));
    }
    // Only failures are counted, but a guesser who had too many does not reach the database any more.
    server.limits.strangers.check(&origin)?;
    let asked = server.identities.generation();
    let found = server.catalog().authenticate(hash, server.now()).await?;
    if let Some(identity) = &found {
        server.identities.put(hash, identity, asked);
    }
    Ok(found)
}

fn origin(request: &ServiceRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| limits::origin(address.ip()))
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
