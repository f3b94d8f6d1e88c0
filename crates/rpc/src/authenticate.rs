//! Admits calls of this cluster only: the signature is checked before a byte of the body is kept.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actors::links::LinkError;
use actors::ports::LogUnavailable;
use engine::ids::Incarnation;
use futures_util::StreamExt;

use super::signature::{Key, SignedCall, SignedReply, hash_body};
use super::wire::{self, RpcRequest};

/// Time for a body to arrive; one that takes longer comes from a peer that is gone.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call is not done. Each is decided before anything was done, except `Unsure` and `Log`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the signature is not valid: the caller has another secret, or is no node of this cluster")]
    Unsigned,
    #[error("this is life {0}, and the call is for another one")]
    WrongLife(Incarnation),
    #[error("this node has no {0}")]
    NoRole(&'static str),
    #[error("there is no such call")]
    NoRoute,
    #[error("the body cannot be read: {0}")]
    Unreadable(String),
    #[error("the body has more than {} bytes", wire::BODY_LIMIT)]
    TooLarge,
    #[error("the body did not come in time")]
    TooSlow,
    #[error("{0}")]
    NotTaken(LinkError),
    #[error("{0}")]
    Unsure(LinkError),
    #[error("the log cannot be read: {0}")]
    Log(LogUnavailable),
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::NotDelivered(_) => Self::NotTaken(error),
            LinkError::NoAnswer(_) => Self::Unsure(error),
        }
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unsigned => StatusCode::UNAUTHORIZED,
            Self::WrongLife(_) => StatusCode::CONFLICT,
            Self::NoRole(_) | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NotTaken(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unsure(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Log(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What an answer holds.
pub(super) struct Reply {
    pub(super) body: Vec<u8>,
    /// Only in the answer about a log.
    pub(super) size: Option<u64>,
}

/// The header of a call whose signature is valid.
pub(super) struct CallHeader<'a> {
    request: &'a HttpRequest,
    signature: &'a str,
    to: Incarnation,
    body_hash: &'a str,
}

impl<'a> CallHeader<'a> {
    /// Verifies the signature.
    pub(super) fn verify(request: &'a HttpRequest, key: &Key) -> Result<Self, Refusal> {
        let text = |name| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.ok_or(Refusal::Unsigned)
        };
        let life = |name| text(name)?.parse().map_err(|_| Refusal::Unsigned);
        let header = Self {
            request,
            signature: text(wire::SIGNATURE)?,
            to: life(wire::TO)?,
            body_hash: text(wire::BODY)?,
        };
        let signed = SignedCall {
            method: request.method().as_str(),
            path: request.uri().path_and_query().map_or("", |path| path.as_str()),
            from: life(wire::FROM)?,
            to: header.to,
            body_hash: header.body_hash,
        };
        if key.verify_call(&signed, header.signature) {
            Ok(header)
        } else {
            Err(Refusal::Unsigned)
        }
    }

    /// Reads the body, and refuses what is not for this life. The body first, so that the caller surely hears why.
    pub(super) async fn open(&self, me: Incarnation, payload: Payload) -> Result<BytesMut, Refusal> {
        let body = tokio::time::timeout(BODY_TIMEOUT, read(payload))
            .await
            .map_err(|_| Refusal::TooSlow)??;
        if hash_body(&body) != self.body_hash {
            return Err(Refusal::Unsigned);
        }
        let anybody = self.to == wire::ANY_INCARNATION && self.request.path() == wire::Ping::PATH;
        if self.to == me || anybody {
            Ok(body)
        } else {
            Err(Refusal::WrongLife(me))
        }
    }

    /// Signs what was done, or the sentence why not.
    pub(super) fn answer(&self, key: &Key, done: Result<Reply, Refusal>) -> HttpResponse {
        let (status, reply) = match done {
            Ok(reply) => (StatusCode::OK, reply),
            Err(Refusal::Unsigned) => return unsigned(self.request),
            Err(refusal) => {
                tracing::debug!(path = self.request.path(), %refusal, "a call of another node was refused");
                let body = refusal.to_string().into_bytes();
                (refusal.status(), Reply { body, size: None })
            }
        };
        let size = reply.size.map(|size| size.to_string());
        let signature = key.sign_reply(&SignedReply {
            call: self.signature,
            status: status.as_u16(),
            size: size.as_deref().unwrap_or_default(),
            body_hash: &hash_body(&reply.body),
        });
        let mut response = HttpResponse::build(status);
        response.insert_header((wire::SIGNATURE, signature));
        if let Some(size) = size {
            response.insert_header((wire::SIZE, size));
        }
        response.body(reply.body)
    }
}

/// Refuses a call without a valid signature. The log names the caller's address, never a signature or the secret.
pub(super) fn unsigned(request: &HttpRequest) -> HttpResponse {
    let peer = request.peer_addr().map(|peer| peer.to_string());
    tracing::warn!(
        peer,
        path = request.path(),
        "a call without the signature of this cluster was refused"
    );
    HttpResponse::build(Refusal::Unsigned.status())
        .force_close()
        .body(Refusal::Unsigned.to_string())
}

async fn read(mut payload: Payload) -> Result<BytesMut, Refusal> {
    let mut body = BytesMut::new();
    while let Some(part) = payload.next().await {
        let part = part.map_err(|error| Refusal::Unreadable(error.to_string()))?;
        if body.len() + part.len() > wire::BODY_LIMIT {
            return Err(Refusal::TooLarge);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
