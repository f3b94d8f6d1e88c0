//! The sessions that a login opens.

use actix_web::{HttpRequest, HttpResponse};
use catalog::{TokenKind, User};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::access::PublicCaller;
use crate::auth::credential::{SessionCarrier, session_cookie};
use crate::auth::secret::TokenSecret;
use crate::http::problem::Problem;
use crate::http::timestamp::format_time;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Send it as `Authorization: Bearer …`; absent when the session is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token: Option<String>,
    expires_at: String,
}

/// Opens a session of a user who proved who it is, and answers with it.
pub(crate) async fn open_session(
    caller: &PublicCaller,
    request: &HttpRequest,
    user: &User,
    carrier: SessionCarrier,
) -> Result<HttpResponse, Problem> {
    let server = caller.server();
    let lifetime = server.state().session_lifetime;
    let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    let expires_at = server.now().plus(lifetime_ms);
    let secret = TokenSecret::generate(Some(expires_at))?;
    let new = secret.to_new_token(user.id, "session", TokenKind::Session);
    let context = caller.audit_context(&user.name);
    server.catalog().tokens().create(&new, &context).await?;
    let session = |token| Session {
        token,
        expires_at: format_time(expires_at),
    };
    let token = secret.into_text();
    Ok(match carrier {
        SessionCarrier::Body => HttpResponse::Ok().json(session(Some(token))),
        SessionCarrier::Cookie => {
            let cookie = session_cookie(request, &server.state().address, token, lifetime);
            HttpResponse::Ok().cookie(cookie).json(session(None))
        }
    })
}
