//! Tokens in answers.

use catalog::Token;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::secret::TokenSecret;
use crate::http::timestamp::format_time;

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
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
            created_at: format_time(token.created_at),
            expires_at: token.expires_at.map(format_time),
            last_used: token.last_used.map(format_time),
        }
    }
}

/// A new token with its secret, which is shown only here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedToken {
    #[serde(flatten)]
    view: TokenView,
    /// Send it as `Authorization: Bearer …`; it cannot be shown again.
    token: String,
}

impl CreatedToken {
    pub(crate) fn new(token: Token, secret: TokenSecret) -> Self {
        Self {
            view: token.into(),
            token: secret.into_text(),
        }
    }
}
