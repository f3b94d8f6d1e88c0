//! Links that set a password: how the first user of a new server, or one who forgot it, gets in.

use actix_web::{HttpRequest, HttpResponse, post};
use catalog::{AuditEntry, AuditOutcome, NewSetupLink, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, Caller, PublicCaller};
use crate::auth::credential::SessionCarrier;
use crate::auth::identities::token_hash;
use crate::auth::login::check_password_login;
use crate::auth::objects::System;
use crate::auth::secret::TokenSecret;
use crate::auth::sessions::{Session, open_session};
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::idempotency::create_once;
use crate::http::problem::Problem;
use crate::http::timestamp::format_time;

/// How long a link works, in milliseconds.
const LIFETIME_MS: i64 = 10 * 60 * 1000;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(create_setup_link).service(set_up);
}

/// For whom a link is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateSetupLink {
    /// The caller unless given.
    user: Option<String>,
}

/// A link; only this answer shows it.
#[derive(Debug, Serialize, ToSchema)]
struct SetupLink {
    /// For `POST /api/v1/auth/setup`.
    token: String,
    /// The page of the UI that sets the password.
    url: String,
    expires_at: String,
}

/// Makes a link that sets the password of a user, once and within ten minutes.
#[utoipa::path(tag = "auth", request_body = CreateSetupLink,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = SetupLink), (status = 404), (status = 409)))]
#[post("/auth/setup-links")]
async fn create_setup_link(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CreateSetupLink>,
) -> Result<HttpResponse, Problem> {
    let create = async |key| {
        let expires_at = caller.server().now().plus(LIFETIME_MS);
        let secret = TokenSecret::generate(Some(expires_at))?;
        let own_name = || caller.identity().name.clone();
        let new = NewSetupLink {
            user: body.value.user.unwrap_or_else(own_name),
            hash: secret.hash(),
            expires_at,
        };
        let links = caller.catalog().setup_links();
        links.create(&new, &caller.audit_context(key)).await?;
        let token = secret.into_text();
        let root = caller.server().state().address.url_for(&request);
        Ok(SetupLink {
            url: format!("{root}/setup#token={token}"),
            token,
            expires_at: format_time(expires_at),
        })
    };
    let find = async |_: &str| {
        let detail = "This request made a link before, which was shown then. Make another link.";
        Err(Problem::new(Code::SecretShownOnce, detail))
    };
    let link = create_once(&caller, &request, &body.bytes, create, find).await?;
    Ok(HttpResponse::Created().json(link))
}

/// A link with the password that it sets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// Of the link.
    token: String,
    #[schema(min_length = 10, max_length = 1024)]
    password: String,
}

/// Sets the password of a link's user and opens a session as a login does.
#[utoipa::path(tag = "auth", security(()), request_body = Setup,
    params(("Porpoise-Session" = Option<String>, Header)),
    responses((status = 200, body = Session), (status = 401), (status = 429)))]
#[post("/auth/setup")]
async fn set_up(
    caller: PublicCaller,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<Setup>,
) -> Result<HttpResponse, Problem> {
    let carrier = SessionCarrier::of_request(&request)?;
    check_password_login(caller.server())?;
    let passwords = caller.server().passwords();
    let keys = [format!("from:{}", caller.source())];
    passwords.check_allowed(&keys)?;
    let Some(user) = use_link(&caller, body.value).await? else {
        passwords.record_failure(&keys);
        audit_refusal(&caller).await;
        let detail = "The link was used, is over, or never was one; `porpoise setup-link` makes another.";
        return Err(Problem::new(Code::LoginFailed, detail));
    };
    caller.server().identities().clear();
    open_session(&caller, &request, &user, carrier).await
}

/// Uses a link up; a password that is refused leaves it as it was.
async fn use_link(caller: &PublicCaller, setup: Setup) -> Result<Option<User>, Problem> {
    let server = caller.server();
    let links = server.catalog().setup_links();
    let hash = token_hash(&setup.token);
    let Some(user) = links.find_user(&hash, server.now()).await? else {
        return Ok(None);
    };
    let password = server
        .passwords()
        .hash_password(setup.password, "/password")
        .await?;
    let context = caller.audit_context(&user.name);
    Ok(links.use_up(&hash, &password, &context).await?)
}

/// Writes the refusal of a link to the audit log; no user is known.
async fn audit_refusal(caller: &PublicCaller) {
    let entry = AuditEntry {
        outcome: AuditOutcome::Denied,
        ..AuditEntry::done("auth.setup", "user", "")
    };
    let audit = caller.server().catalog().audit();
    if let Err(error) = audit.record(&entry, &caller.audit_context("")).await {
        tracing::warn!(%error, "a refused setup link is missing in the audit log");
    }
}
