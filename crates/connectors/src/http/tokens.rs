//! Tokens by the client credentials of OAuth 2.

use std::time::Duration;

use engine::connection::http::HttpAuth;
use primitives::error_chain::root_cause;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::canonical::encode;
use super::{HttpConnectionError, unusable};

/// The longest time that the answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The answer of the address that gives tokens.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
}

/// What is asked for.
struct TokenRequest<'a> {
    url: Url,
    client_id: &'a str,
    client_secret: &'a str,
    scope: Option<&'a str>,
}

/// Where the secret of the client stands.
#[derive(Clone, Copy)]
enum CredentialPlace {
    /// In the header, as RFC 6749 demands of every server.
    Header,
    /// In the body, as some servers do all the same.
    Body,
}

/// Gets a token.
pub(super) async fn fetch_token(client: &Client, auth: &HttpAuth) -> Result<String, HttpConnectionError> {
    let (request, places): (_, &[CredentialPlace]) = match auth {
        HttpAuth::Oauth2 {
            token_url,
            client_id,
            client_secret,
            scope,
        } => {
            let request = TokenRequest {
                url: parse_url(token_url)?,
                client_id,
                client_secret,
                scope: scope.as_deref(),
            };
            (request, &[CredentialPlace::Header, CredentialPlace::Body])
        }
        HttpAuth::Azure {
            tenant,
            client_id,
            client_secret,
            scope,
            authority,
        } => {
            let url = format!(
                "{}/{}/oauth2/v2.0/token",
                authority.trim_end_matches('/'),
                encode(tenant)
            );
            let request = TokenRequest {
                url: parse_url(&url)?,
                client_id,
                client_secret,
                scope: Some(scope),
            };
            (request, &[CredentialPlace::Body])
        }
        _ => return Err(unusable("this connection uses no tokens")),
    };
    let mut refusal = None;
    for place in places {
        let answer = request.send(client, *place).await?;
        match answer.status() {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => refusal = Some(answer.status()),
            _ => return read_token(answer).await,
        }
    }
    let status = refusal
        .map(|status| status.as_u16().to_string())
        .unwrap_or_default();
    Err(HttpConnectionError::NoToken(format!(
        "the address that gives tokens refuses the client with the status {status}"
    )))
}

impl TokenRequest<'_> {
    async fn send(&self, client: &Client, place: CredentialPlace) -> Result<Response, HttpConnectionError> {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.map(|scope| ("scope", scope)));
        let mut request = client.post(self.url.clone()).timeout(TIMEOUT);
        match place {
            CredentialPlace::Header => {
                request = request.basic_auth(encode(self.client_id), Some(encode(self.client_secret)));
            }
            CredentialPlace::Body => {
                form.extend([
                    ("client_id", self.client_id),
                    ("client_secret", self.client_secret),
                ]);
            }
        }
        let pairs = form
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        request.send().await.map_err(|error| {
            HttpConnectionError::NoToken(format!("no token can be had: {}", root_cause(&error)))
        })
    }
}

async fn read_token(mut answer: Response) -> Result<String, HttpConnectionError> {
    let status = answer.status();
    if !status.is_success() {
        let message = format!(
            "the address that gives tokens answers with the status {}",
            status.as_u16()
        );
        return Err(HttpConnectionError::NoToken(message));
    }
    let broken = || HttpConnectionError::NoToken("the answer holds no `access_token`".to_owned());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| broken())? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(broken());
        }
    }
    let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| broken())?;
    Ok(answer.access_token)
}

fn parse_url(text: &str) -> Result<Url, HttpConnectionError> {
    text.parse()
        .map_err(|_| unusable("the address that gives tokens is no url"))
}
