//! The layer in front of every route, which refuses requests without a valid token but for a short list.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use catalog::{Identity, TokenKind};

use crate::auth::credential::Credential;
use crate::auth::csrf::check_origin;
use crate::auth::identities::token_hash;
use crate::auth::limits::client_network;
use crate::auth::server::{Server, server_of};
use crate::http::problem::Problem;
use crate::ui::pages::is_ui_path;

/// Whether a request needs no token: health, the ways to sign in, and the files of the UI and of the API page.
fn is_public(method: &Method, path: &str) -> bool {
    if *method == Method::POST {
        return matches!(path, "/api/v1/auth/login" | "/api/v1/auth/setup");
    }
    let reads = *method == Method::GET || *method == Method::HEAD;
    let is_open = path == "/api/v1/auth/providers";
    let is_file = path == "/api/docs" || path.starts_with("/api/docs/");
    let is_health = matches!(path, "/healthz" | "/readyz");
    reads && (is_open || is_file || is_health || is_ui_path(path))
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
    let credential = Credential::find(request.request());
    let found = match &credential {
        Some(credential) => find_holder(&server, credential, client_of(request)).await?,
        None => None,
    };
    let Some(identity) = found else {
        server.limits().anonymous_clients().acquire(client_of(request))?;
        return Err(Problem::unauthenticated());
    };
    server.limits().tokens().acquire(identity.token)?;
    if matches!(credential, Some(Credential::Cookie(_))) {
        check_origin(request.request(), &server.state().address)?;
    }
    Ok(identity)
}

/// Finds who holds a credential. A cookie holds sessions only: a token of a program that got there is none.
async fn find_holder(
    server: &Server,
    credential: &Credential,
    client: Option<IpAddr>,
) -> Result<Option<Identity>, Problem> {
    let found = find_identity(server, &token_hash(credential.token()), client).await?;
    let is_cookie = matches!(credential, Credential::Cookie(_));
    Ok(found.filter(|identity| !is_cookie || identity.kind == TokenKind::Session))
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
