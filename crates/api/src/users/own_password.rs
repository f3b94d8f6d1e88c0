//! The password of the caller, which it changes by itself.

use actix_web::{HttpRequest, HttpResponse, post};
use catalog::PasswordChange;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::login::check_password_login;
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::idempotency::{find_earlier_request, request_key};
use crate::http::problem::Problem;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(change_password);
}

/// The password before and the one after.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    current: String,
    #[schema(min_length = 10, max_length = 1024)]
    new: String,
}

/// Changes the caller's password. Its other sessions and tokens end; the one of this request stays.
#[utoipa::path(tag = "users", request_body = ChangePassword,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 204), (status = 401), (status = 429)))]
#[post("/users/me/password")]
async fn change_password(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    check_password_login(caller.server())?;
    let key = request_key(&caller, &request, &body.bytes)?;
    if find_earlier_request(&caller, key.as_ref()).await?.is_none() {
        let change = check_change(&caller, body.value).await?;
        let context = caller.audit_context(key);
        let replaced = caller.catalog().passwords().replace(&change, &context).await;
        caller.server().identities().clear();
        replaced?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Checks the password before, with the delays of logins.
async fn check_change(
    caller: &Caller<AnyUser, System>,
    body: ChangePassword,
) -> Result<PasswordChange, Problem> {
    let passwords = caller.server().passwords();
    let account = format!("user:{}", caller.identity().name);
    let keys = [account.clone(), format!("from:{}", caller.source())];
    passwords.check_allowed(&keys)?;
    let users = caller.catalog().users();
    let found = users.find_credentials(&caller.identity().name).await?;
    let stored = found.and_then(|user| user.password_hash);
    let fits = passwords.verify_password(body.current, stored.clone()).await?;
    let Some(known_hash) = stored.filter(|_| fits) else {
        passwords.record_failure(&keys);
        let detail = "The current password is wrong.";
        return Err(Problem::new(Code::LoginFailed, detail).at("/current"));
    };
    passwords.record_success(&account);
    Ok(PasswordChange {
        user: caller.identity().user,
        known_hash,
        new_hash: passwords.hash_password(body.new, "/new").await?,
        kept: caller.identity().token,
    })
}
