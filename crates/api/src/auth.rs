//! Log in with a password, log out.

use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, Everything, Open, SignedIn};
use super::body::{Body, NoQuery, Query};
use super::codes::Code;
use super::problem::Problem;
use super::tokens::Secret;
use super::views::time;
use store::catalog::{Access, AuditEntry, AuditOutcome, Credentials, Request, TokenKind};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(login).service(logout);
}

/// Who wants in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// Send it as `Authorization: Bearer …`.
    token: String,
    expires_at: String,
}

/// Opens a session with user name and password.
#[utoipa::path(tag = "auth", security(()), request_body = Login,
    responses((status = 200, body = Session), (status = 401), (status = 429)))]
#[post("/api/v1/auth/login")]
async fn login(open: Open, _: Query<NoQuery>, body: Body<Login>) -> Result<HttpResponse, Problem> {
    let Login { username, password } = body.value;
    let account = format!("user:{username}");
    let keys = [account.clone(), format!("from:{}", open.source)];
    open.server.passwords.check_allowed(&keys)?;
    let found = open.server.catalog().credentials(&username).await?;
    let stored = found.as_ref().and_then(|known| known.password_hash.clone());
    let fits = open.server.passwords.verify(password, stored).await?;
    let enabled = found.filter(|known| fits && known.user.access == Access::Enabled);
    let Some(known) = enabled else {
        open.server.passwords.failed(&keys);
        note(&open, &username, AuditOutcome::Denied).await;
        return Err(Problem::new(Code::LoginFailed, "User name or password is wrong."));
    };
    open.server.passwords.succeeded(&account);
    let session = begin(&open, &known).await?;
    note(&open, &username, AuditOutcome::Done).await;
    Ok(HttpResponse::Ok().json(session))
}

async fn begin(open: &Open, known: &Credentials) -> Result<Session, Problem> {
    let lifetime = i64::try_from(open.server.state.session_lifetime.as_millis()).unwrap_or(i64::MAX);
    let expires_at = open.server.now().plus(lifetime);
    let secret = Secret::fresh(Some(expires_at))?;
    let new = secret.stored(known.user.id, "session", TokenKind::Session);
    open.server
        .catalog()
        .create_token(&new, &request(open, &known.user.name))
        .await?;
    Ok(Session {
        token: secret.token,
        expires_at: time(expires_at),
    })
}

fn request(open: &Open, user: &str) -> Request {
    Request {
        user: user.to_owned(),
        source: open.source.clone(),
        request_id: open.request_id.clone(),
        at: open.server.now(),
        key: None,
    }
}

/// A missing line in the audit log must not keep anybody out, nor let a guesser see that it is missing.
async fn note(open: &Open, username: &str, outcome: AuditOutcome) {
    let name: String = username.chars().take(100).collect();
    let entry = AuditEntry {
        action: "auth.login".to_owned(),
        kind: "user".to_owned(),
        resource: name.clone(),
        outcome,
        detail: String::new(),
    };
    if let Err(error) = open.server.catalog().record(&entry, &request(open, &name)).await {
        tracing::warn!(%error, "a login is missing in the audit log");
    }
}

/// Ends the session, or revokes the token, that the request came with.
#[utoipa::path(tag = "auth", responses((status = 204)))]
#[post("/api/v1/auth/logout")]
async fn logout(who: Authorised<SignedIn, Everything>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let done = who
        .catalog()
        .delete_token(who.identity.token, &who.request(None))
        .await;
    who.server.identities.forget();
    done?;
    Ok(HttpResponse::NoContent().finish())
}
