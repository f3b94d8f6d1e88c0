//! Login with a password, logout.

use actix_web::{HttpRequest, HttpResponse, get, post};
use catalog::{Access, AuditEntry, AuditOutcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, PublicCaller};
use crate::auth::credential::{Credential, SessionCarrier, remove_session_cookie};
use crate::auth::objects::System;
use crate::auth::server::Server;
use crate::auth::sessions::{Session, open_session};
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::state::PasswordLogin;

/// The longest user name that the audit log keeps of a login, in characters.
const MAX_AUDITED_NAME: usize = 100;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(login).service(logout).service(list_providers);
}

/// The credentials of a login.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

/// Opens a session with user name and password. With `Porpoise-Session: cookie` the answer has no token: a cookie has it.
#[utoipa::path(tag = "auth", security(()), request_body = Login,
    params(("Porpoise-Session" = Option<String>, Header)),
    responses((status = 200, body = Session), (status = 401), (status = 429)))]
#[post("/auth/login")]
async fn login(
    caller: PublicCaller,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<Login>,
) -> Result<HttpResponse, Problem> {
    let carrier = SessionCarrier::of_request(&request)?;
    check_password_login(caller.server())?;
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
    let response = open_session(&caller, &request, &credentials.user, carrier).await?;
    audit_login(&caller, &username, AuditOutcome::Done).await;
    Ok(response)
}

/// Refuses passwords where the operator switched them off.
pub(crate) fn check_password_login(server: &Server) -> Result<(), Problem> {
    match server.state().password_login {
        PasswordLogin::Allowed => Ok(()),
        PasswordLogin::Refused => {
            let detail = "Passwords of this server are switched off (`auth.local`); sign in by a provider, or use a token.";
            Err(Problem::new(Code::LoginFailed, detail))
        }
    }
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

/// Ends the session, or revokes the token, that the request came with; a session's cookie is removed.
#[utoipa::path(tag = "auth", responses((status = 204)))]
#[post("/auth/logout")]
async fn logout(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let token = caller.identity().token;
    let deleted = caller
        .catalog()
        .tokens()
        .delete(token, &caller.audit_context(None))
        .await;
    caller.server().identities().clear();
    deleted?;
    let mut response = HttpResponse::NoContent().finish();
    if matches!(Credential::find(&request), Some(Credential::Cookie(_))) {
        remove_session_cookie(&mut response, &request, &caller.server().state().address)?;
    }
    Ok(response)
}

/// The ways to sign in.
#[derive(Debug, Serialize, ToSchema)]
struct Providers {
    /// By a password that is stored here.
    local: bool,
    /// By a password that an LDAP server checks.
    ldap: bool,
    /// By an OpenID provider: its `title`, and the path where the sign-in `start`s.
    #[schema(value_type = Option<Object>)]
    oidc: Option<Value>,
}

/// Returns the ways to sign in.
#[utoipa::path(tag = "auth", security(()), responses((status = 200, body = Providers)))]
#[get("/auth/providers")]
async fn list_providers(caller: PublicCaller, _: Query<NoQuery>) -> HttpResponse {
    HttpResponse::Ok().json(Providers {
        local: caller.server().state().password_login == PasswordLogin::Allowed,
        ldap: false,
        oidc: None,
    })
}
