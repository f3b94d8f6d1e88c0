//! Tokens: random, shown once, stored as hashes.

use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use engine::document::duration;
use engine::ids::Millis;
use rand::TryRngCore;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, Everything, SignedIn, number, path_value, token_hash};
use super::body::{Body, NoQuery, Query};
use super::codes::Code;
use super::idempotency::{Seen, look_up};
use super::lists::{List, Paging};
use super::problem::Problem;
use super::users::check_name;
use super::views::time;
use store::catalog::{NewToken, Token, TokenId, TokenKind, UserId};

/// Tokens are recognisable, so that scanners of leaked secrets find them.
const PREFIX: &str = "porp_";
/// The longest life of a token that ends at all, in milliseconds.
const TEN_YEARS: i64 = 10 * 366 * 86_400_000;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_tokens)
        .service(create_token)
        .service(delete_token);
}

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct TokenView {
    id: String,
    name: String,
    user: String,
    created_at: String,
    /// Null: never.
    expires_at: Option<String>,
    /// To the minute.
    last_used: Option<String>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id.0.to_string(),
            name: token.name,
            user: token.user_name,
            created_at: time(token.created_at),
            expires_at: token.expires_at.map(time),
            last_used: token.last_used.map(time),
        }
    }
}

/// A new token with its secret, which is shown only here.
#[derive(Debug, Serialize, ToSchema)]
struct CreatedToken {
    #[serde(flatten)]
    view: TokenView,
    /// Send it as `Authorization: Bearer …`; it cannot be shown again.
    token: String,
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

/// A fresh secret and when it ends.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) token: String,
    pub(super) expires_at: Option<Millis>,
}

impl Secret {
    /// Draws 256 random bits from the system.
    pub(super) fn fresh(expires_at: Option<Millis>) -> Result<Self, Problem> {
        const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
        let mut bytes = [0_u8; 43];
        rand::rngs::OsRng
            .try_fill_bytes(&mut bytes)
            .map_err(Problem::internal)?;
        let letters = bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 64)]));
        Ok(Self {
            token: PREFIX.chars().chain(letters).collect(),
            expires_at,
        })
    }

    /// Makes what is stored of it.
    pub(super) fn stored(&self, user: UserId, name: &str, kind: TokenKind) -> NewToken {
        NewToken {
            user,
            name: name.to_owned(),
            kind,
            hash: token_hash(&self.token),
            expires_at: self.expires_at,
        }
    }
}

/// Lists tokens, newest first: one's own, or every one for an administrator.
#[utoipa::path(tag = "tokens", params(Paging), responses((status = 200, body = List<TokenView>)))]
#[get("/api/v1/tokens")]
async fn list_tokens(
    who: Authorised<SignedIn, Everything>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let whose = (!who.is_admin()).then_some(who.identity.user);
    let page = who
        .catalog()
        .tokens(whose, who.server.now(), &paging.0.request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<TokenView>::of(page)))
}

/// Makes a token of the caller; its secret is in the answer and nowhere else.
#[utoipa::path(tag = "tokens", request_body = CreateToken, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = CreatedToken), (status = 409)))]
#[post("/api/v1/tokens")]
async fn create_token(
    who: Authorised<SignedIn, Everything>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<CreateToken>,
) -> Result<HttpResponse, Problem> {
    check_name("/name", &body.value.name)?;
    let expires_at = match &body.value.expires_in {
        Some(text) => Some(who.server.now().plus(read_lifetime(text)?)),
        None => None,
    };
    let key = match look_up(&who, &request, &body.bytes).await? {
        Seen::New(key) => key,
        Seen::Before(_) => {
            let detail = "This request made a token before; its secret was shown then. Make another token.";
            return Err(Problem::new(Code::SecretShownOnce, detail));
        }
    };
    let secret = Secret::fresh(expires_at)?;
    let new = secret.stored(who.identity.user, &body.value.name, TokenKind::Api);
    let token = who.catalog().create_token(&new, &who.request(key)).await?;
    Ok(HttpResponse::Created().json(CreatedToken {
        view: token.into(),
        token: secret.token,
    }))
}

fn read_lifetime(text: &str) -> Result<i64, Problem> {
    let read = duration::parse(text).filter(|ms| (1_000..=TEN_YEARS).contains(ms));
    read.ok_or_else(|| {
        let detail = "`expires_in` is a duration from 1s to ten years, such as `12h` or `30d`.";
        Problem::new(Code::InvalidBody, detail).at("/expires_in")
    })
}

/// Revokes a token: one's own, or any for an administrator.
#[utoipa::path(tag = "tokens", params(("id" = String, Path)), responses((status = 204)))]
#[delete("/api/v1/tokens/{id}")]
async fn delete_token(
    who: Authorised<SignedIn, Everything>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let text = path_value(&request, "id")?;
    let none = || Problem::not_found(format!("token {text}"));
    let id = number(&text).map(TokenId).ok_or_else(none)?;
    let token = who.catalog().token(id).await?.ok_or_else(none)?;
    if token.user != who.identity.user && !who.is_admin() {
        return Err(none());
    }
    let done = who.catalog().delete_token(id, &who.request(None)).await;
    who.server.identities.forget();
    done?;
    Ok(HttpResponse::NoContent().finish())
}
