//! Tokens, which users manage for themselves.

mod views;

use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use catalog::{Token, TokenId, TokenKind};
use engine::spec::duration;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::auth::secret::TokenSecret;
use crate::http::body::{Body, NoQuery, Query, check_name};
use crate::http::codes::Code;
use crate::http::idempotency::create_once;
use crate::http::paging::{List, Paging};
use crate::http::path::find_by_id;
use crate::http::problem::Problem;
use crate::tokens::views::{CreatedToken, TokenView};

/// The longest lifetime of a token that expires, in milliseconds: ten years.
const MAX_LIFETIME_MS: i64 = 10 * 366 * 86_400_000;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(list_tokens)
        .service(create_token)
        .service(delete_token);
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateToken {
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// A duration such as `12h` or `30d`; without it the token does not expire.
    expires_in: Option<String>,
}

/// Lists tokens, newest first: one's own, or every one for an administrator.
#[utoipa::path(tag = "tokens", params(Paging), responses((status = 200, body = List<TokenView>)))]
#[get("/tokens")]
async fn list_tokens(
    caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let owner = (!caller.is_admin()).then_some(caller.identity().user);
    let page = caller
        .catalog()
        .tokens()
        .list(owner, caller.server().now(), &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<TokenView>::from_page(page)))
}

/// Makes a token of the caller; only this answer shows its secret.
#[utoipa::path(tag = "tokens", request_body = CreateToken, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = CreatedToken), (status = 409)))]
#[post("/tokens")]
async fn create_token(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CreateToken>,
) -> Result<HttpResponse, Problem> {
    check_name("/name", &body.value.name)?;
    let expires_at = match &body.value.expires_in {
        Some(text) => Some(caller.server().now().plus(parse_lifetime(text)?)),
        None => None,
    };
    let create = async |key| {
        let secret = TokenSecret::generate(expires_at)?;
        let new = secret.to_new_token(caller.identity().user, &body.value.name, TokenKind::Api);
        let token = caller
            .catalog()
            .tokens()
            .create(&new, &caller.audit_context(key))
            .await?;
        Ok(CreatedToken::new(token, secret))
    };
    let find = async |_: &str| {
        let detail = "This request made a token before; its secret was shown then. Make another token.";
        Err(Problem::new(Code::SecretShownOnce, detail))
    };
    let created = create_once(&caller, &request, &body.bytes, create, find).await?;
    Ok(HttpResponse::Created().json(created))
}

fn parse_lifetime(text: &str) -> Result<i64, Problem> {
    let lifetime = duration::parse(text).filter(|ms| (1_000..=MAX_LIFETIME_MS).contains(ms));
    lifetime.ok_or_else(|| {
        let detail = "`expires_in` is a duration from 1s to ten years, such as `12h` or `30d`.";
        Problem::new(Code::InvalidBody, detail).at("/expires_in")
    })
}

/// Revokes a token: one's own, or any for an administrator.
#[utoipa::path(tag = "tokens", params(("id" = String, Path)), responses((status = 204)))]
#[delete("/tokens/{id}")]
async fn delete_token(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let token = find_by_id(&request, "token", async |id| {
        let token = caller.catalog().tokens().find(TokenId(id)).await?;
        let is_own = |token: &Token| token.user == caller.identity().user;
        Ok(token.filter(|token| caller.is_admin() || is_own(token)))
    })
    .await?;
    let deleted = caller
        .catalog()
        .tokens()
        .delete(token.id, &caller.audit_context(None))
        .await;
    caller.server().identities().clear();
    deleted?;
    Ok(HttpResponse::NoContent().finish())
}
