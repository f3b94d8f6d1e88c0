//! Lets calls of this cluster in, and nothing else: the seal is checked before a single byte of a body is kept.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actors::links::LinkError;
use actors::ports::LogUnavailable;
use engine::ids::Incarnation;
use futures_util::StreamExt;

use super::seal::{Key, Sealed, SealedAnswer, fingerprint};
use super::wire::{self, Ask};

/// A body that takes longer comes from a peer that is gone.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// Why a call is not done. Each is decided before anything was done, except `Unsure` and `Log`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the seal does not fit: the caller has another secret, or is no node of this cluster")]
    Unsealed,
    #[error("this is life {0}, and the call is for another one")]
    WrongLife(Incarnation),
    #[error("this node has no {0}")]
    NoRole(&'static str),
    #[error("there is no such call")]
    NoRoute,
    #[error("the body cannot be read: {0}")]
    Unreadable(String),
    #[error("the body has more than {} bytes", wire::LARGEST_BODY)]
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
            Self::Unsealed => StatusCode::UNAUTHORIZED,
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

/// The head of a call whose seal fits.
pub(super) struct Head<'a> {
    request: &'a HttpRequest,
    seal: &'a str,
    to: Incarnation,
    body: &'a str,
}

impl<'a> Head<'a> {
    /// Checks who speaks.
    pub(super) fn of(request: &'a HttpRequest, key: &Key) -> Result<Self, Refusal> {
        let text = |name| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.ok_or(Refusal::Unsealed)
        };
        let life = |name| text(name)?.parse().map_err(|_| Refusal::Unsealed);
        let head = Self {
            request,
            seal: text(wire::SEAL)?,
            to: life(wire::TO)?,
            body: text(wire::BODY)?,
        };
        let sealed = Sealed {
            method: request.method().as_str(),
            path: request.uri().path_and_query().map_or("", |path| path.as_str()),
            from: life(wire::FROM)?,
            to: head.to,
            body: head.body,
        };
        if key.fits(&sealed, head.seal) {
            Ok(head)
        } else {
            Err(Refusal::Unsealed)
        }
    }

    /// Reads the body, and refuses what is not for this life. The body first, so that the caller surely hears why.
    pub(super) async fn open(&self, me: Incarnation, payload: Payload) -> Result<BytesMut, Refusal> {
        let body = tokio::time::timeout(BODY_WITHIN, read(payload))
            .await
            .map_err(|_| Refusal::TooSlow)??;
        if fingerprint(&body) != self.body {
            return Err(Refusal::Unsealed);
        }
        let anybody = self.to == wire::ANYBODY && self.request.path() == wire::Ping::PATH;
        if self.to == me || anybody {
            Ok(body)
        } else {
            Err(Refusal::WrongLife(me))
        }
    }

    /// Seals what was done, or the sentence why not.
    pub(super) fn answer(&self, key: &Key, done: Result<Reply, Refusal>) -> HttpResponse {
        let (status, reply) = match done {
            Ok(reply) => (StatusCode::OK, reply),
            Err(Refusal::Unsealed) => return unsealed(self.request),
            Err(refusal) => {
                tracing::debug!(path = self.request.path(), %refusal, "a call of another node was refused");
                let body = refusal.to_string().into_bytes();
                (refusal.status(), Reply { body, size: None })
            }
        };
        let size = reply.size.map(|size| size.to_string());
        let seal = key.seal_answer(&SealedAnswer {
            to: self.seal,
            status: status.as_u16(),
            size: size.as_deref().unwrap_or_default(),
            body: &fingerprint(&reply.body),
        });
        let mut response = HttpResponse::build(status);
        response.insert_header((wire::SEAL, seal));
        if let Some(size) = size {
            response.insert_header((wire::SIZE, size));
        }
        response.body(reply.body)
    }
}

/// Refuses a stranger. It is not told more, and the log names its address, never a seal or the secret.
pub(super) fn unsealed(request: &HttpRequest) -> HttpResponse {
    let peer = request.peer_addr().map(|peer| peer.to_string());
    tracing::warn!(
        peer,
        path = request.path(),
        "a call without the seal of this cluster was refused"
    );
    HttpResponse::build(Refusal::Unsealed.status())
        .force_close()
        .body(Refusal::Unsealed.to_string())
}

async fn read(mut payload: Payload) -> Result<BytesMut, Refusal> {
    let mut body = BytesMut::new();
    while let Some(part) = payload.next().await {
        let part = part.map_err(|error| Refusal::Unreadable(error.to_string()))?;
        if body.len() + part.len() > wire::LARGEST_BODY {
            return Err(Refusal::TooLarge);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
