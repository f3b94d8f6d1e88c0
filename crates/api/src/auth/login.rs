//! Login with a password, logout.

use actix_web::{HttpResponse, post};
use catalog::{Access, AuditEntry, AuditOutcome, Credentials, TokenKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, PublicCaller};
use crate::auth::objects::System;
use crate::auth::secret::TokenSecret;
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::http::timestamp::format_time;

/// The longest user name that the audit log keeps of a login, in characters.
const MAX_AUDITED_NAME: usize = 100;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(login).service(logout);
}

/// The credentials of a login.
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
#[post("/auth/login")]
async fn login(caller: PublicCaller, _: Query<NoQuery>, body: Body<Login>) -> Result<HttpResponse, Problem> {
    let Login { username, password } = body.value;
    let passwords = caller.server().passwords();
    let account = format!("user:{username}");
    let keys = [account.clone(), format!("from:{}", caller.source())];
    passwords.check_allowed(&keys)?;
    let found = caller
        .server()
        .catalog()
        .users()
        .find_credentials(&username)
        .await?;
    let stored = found.as_ref().and_then(|user| user.password_hash.clone());
    let fits = passwords.verify_password(password, stored).await?;
    let enabled = found.filter(|found| fits && found.user.access == Access::Enabled);
    let Some(credentials) = enabled else {
        passwords.record_failure(&keys);
        audit_login(&caller, &username, AuditOutcome::Denied).await;
        return Err(Problem::new(Code::LoginFailed, "User name or password is wrong."));
    };
    passwords.record_success(&account);
    let session = open_session(&caller, &credentials).await?;
    audit_login(&caller, &username, AuditOutcome::Done).await;
    Ok(HttpResponse::Ok().json(session))
}

async fn open_session(caller: &PublicCaller, credentials: &Credentials) -> Result<Session, Problem> {
    let server = caller.server();
    let lifetime = i64::try_from(server.state().session_lifetime.as_millis()).unwrap_or(i64::MAX);
    let expires_at = server.now().plus(lifetime);
    let secret = TokenSecret::generate(Some(expires_at))?;
    let new = secret.to_new_token(credentials.user.id, "session", TokenKind::Session);
    let context = caller.audit_context(&credentials.user.name);
    server.catalog().tokens().create(&new, &context).await?;
    Ok(Session {
        token: secret.into_text(),
        expires_at: format_time(expires_at),
    })
}

/// Writes a login to the audit log. A failure here neither refuses a login nor shows a guesser that it happened.
async fn audit_login(caller: &PublicCaller, username: &str, outcome: AuditOutcome) {
    let name: String = username.chars().take(MAX_AUDITED_NAME).collect();
    let entry = AuditEntry {
        action: "auth.login".to_owned(),
        kind: "user".to_owned(),
        resource: name.clone(),
        outcome,
        detail: String::new(),
    };
    let context = caller.audit_context(&name);
    if let Err(error) = caller.server().catalog().audit().record(&entry, &context).await {
        tracing::warn!(%error, "a login is missing in the audit log");
    }
}

/// Ends the session, or revokes the token, that the request came with.
#[utoipa::path(tag = "auth", responses((status = 204)))]
#[post("/auth/logout")]
async fn logout(caller: Caller<AnyUser, System>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let token = caller.identity().token;
    let deleted = caller
        .catalog()
        .tokens()
        .delete(token, &caller.audit_context(None))
        .await;
    caller.server().identities().clear();
    deleted?;
    Ok(HttpResponse::NoContent().finish())
}
