//! The layer in front of every route, which refuses requests without a valid token but for a short list.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use catalog::Identity;

use crate::auth::identities::token_hash;
use crate::auth::limits::client_network;
use crate::auth::server::{Server, server_of};
use crate::http::problem::Problem;

/// Whether a request needs no token: health, the login, and the files of the UI and of the API page.
fn is_public(method: &Method, path: &str) -> bool {
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

/// Admits requests with a valid token, whose identity it attaches, besides public ones.
pub(crate) async fn require_token(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let admitted = if is_public(request.method(), request.path()) {
        count_anonymous(&request)
    } else {
        identify_caller(&request)
            .await
            .map(|identity| drop(request.extensions_mut().insert(identity)))
    };
    if let Err(problem) = admitted {
        return Ok(request.error_response(problem));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// Counts a request without a token; supervisors and load balancers may check health at any rate.
fn count_anonymous(request: &ServiceRequest) -> Result<(), Problem> {
    if matches!(request.path(), "/healthz" | "/readyz") {
        return Ok(());
    }
    server_of(request.request())?
        .limits()
        .anonymous_clients()
        .acquire(client_of(request))
}

async fn identify_caller(request: &ServiceRequest) -> Result<Identity, Problem> {
    let server = server_of(request.request())?;
    let found = match bearer_token(request) {
        Some(token) => find_identity(&server, &token_hash(token), client_of(request)).await?,
        None => None,
    };
    let Some(identity) = found else {
        server.limits().anonymous_clients().acquire(client_of(request))?;
        return Err(Problem::unauthenticated());
    };
    server.limits().tokens().acquire(identity.token)?;
    Ok(identity)
}

async fn find_identity(
    server: &Server,
    hash: &str,
    client: Option<IpAddr>,
) -> Result<Option<Identity>, Problem> {
    if let Some(known) = server.identities().get_identity(hash, server.now()) {
        return Ok(Some(known));
    }
    // Only failures are counted, but a guesser with too many of them no longer reaches the database.
    server.limits().anonymous_clients().check_available(&client)?;
    let generation = server.identities().generation();
    let found = server.catalog().tokens().authenticate(hash, server.now()).await?;
    if let Some(identity) = &found {
        server.identities().put_identity(hash, identity, generation);
    }
    Ok(found)
}

fn client_of(request: &ServiceRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| client_network(address.ip()))
}

fn bearer_token(request: &ServiceRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
