//! Admits calls of this cluster only: the signature is checked before a byte of the body is kept.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse};
use engine::ids::Incarnation;
use futures_util::StreamExt;
use ports::rpc::calls::{Call, NodeCall};
use ports::rpc::transport::CallError;

use super::body_cipher::UnreadableBody;
use super::signature::{Key, SignedCall, SignedReply, hash_body};
use super::wire::{self, WireError};

/// Time for a body to arrive; one that takes longer comes from a peer that is gone.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call has no reply. Each is decided before the call has an effect, except `Uncertain`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the signature is not valid: the caller has another secret, or is no node of this cluster")]
    Unsigned,
    #[error("this is incarnation {0}, and the call is for another one")]
    OtherIncarnation(Incarnation),
    #[error("there is no such call")]
    NoSuchCall,
    #[error("the body cannot be read: {0}")]
    Unreadable(String),
    #[error("the body has more than {} bytes", wire::BODY_LIMIT)]
    TooLarge,
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("{0}")]
    NotAccepted(CallError),
    #[error("{0}")]
    Uncertain(CallError),
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        if error.is_certain() {
            Self::NotAccepted(error)
        } else {
            Self::Uncertain(error)
        }
    }
}

impl From<UnreadableBody> for Refusal {
    fn from(error: UnreadableBody) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        match error {
            WireError::NoSuchCall => Self::NoSuchCall,
            WireError::OtherPath | WireError::Unreadable { .. } => Self::Unreadable(error.to_string()),
        }
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unsigned => StatusCode::UNAUTHORIZED,
            Self::OtherIncarnation(_) => StatusCode::CONFLICT,
            Self::NoSuchCall => StatusCode::NOT_FOUND,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NotAccepted(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Uncertain(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// The header of a call whose signature is valid.
pub(super) struct CallHeader<'a> {
    request: &'a HttpRequest,
    signature: &'a str,
    to: Incarnation,
    body_hash: &'a str,
}

impl<'a> CallHeader<'a> {
    /// Verifies the signature of a request.
    pub(super) fn verify(request: &'a HttpRequest, key: &Key) -> Result<Self, Refusal> {
        let text = |name| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.ok_or(Refusal::Unsigned)
        };
        let incarnation = |name| text(name)?.parse().map_err(|_| Refusal::Unsigned);
        let header = Self {
            request,
            signature: text(wire::SIGNATURE)?,
            to: incarnation(wire::TO)?,
            body_hash: text(wire::BODY_HASH)?,
        };
        let signed = SignedCall {
            method: request.method().as_str(),
            path: request.uri().path_and_query().map_or("", |path| path.as_str()),
            from: incarnation(wire::FROM)?,
            to: header.to,
            body_hash: header.body_hash,
        };
        if key.verify_call(&signed, header.signature) {
            Ok(header)
        } else {
            Err(Refusal::Unsigned)
        }
    }

    /// Reads the body, and refuses what is for another incarnation. The body comes first, so that the caller surely
    /// receives the reason.
    pub(super) async fn read_body(
        &self,
        this_node: Incarnation,
        payload: Payload,
    ) -> Result<BytesMut, Refusal> {
        let body = tokio::time::timeout(BODY_TIMEOUT, read_payload(payload))
            .await
            .map_err(|_| Refusal::TooSlow)??;
        if hash_body(&body) != self.body_hash {
            return Err(Refusal::Unsigned);
        }
        if self.to == this_node || self.is_ping_of_any_incarnation() {
            Ok(body)
        } else {
            Err(Refusal::OtherIncarnation(this_node))
        }
    }

    fn is_ping_of_any_incarnation(&self) -> bool {
        self.to == wire::ANY_INCARNATION && self.request.path() == Call::Node(NodeCall::Ping {}).path()
    }

    /// Signs the reply, or the reason why there is none.
    pub(super) fn sign_reply(&self, key: &Key, reply: Result<Vec<u8>, Refusal>) -> HttpResponse {
        let (status, body) = match reply {
            Ok(body) => (StatusCode::OK, body),
            Err(Refusal::Unsigned) => return unsigned(self.request),
            Err(refusal) => {
                tracing::debug!(path = self.request.path(), %refusal, "a call of another node was refused");
                (refusal.status(), refusal.to_string().into_bytes())
            }
        };
        let signature = key.sign_reply(&SignedReply {
            call: self.signature,
            status: status.as_u16(),
            body_hash: &hash_body(&body),
        });
        let mut response = HttpResponse::build(status);
        response.insert_header((wire::SIGNATURE, signature));
        response.body(body)
    }
}

/// Refuses a call without a valid signature. The log names the caller's address, never a signature or the secret.
pub(super) fn unsigned(request: &HttpRequest) -> HttpResponse {
    let peer = request.peer_addr().map(|peer| peer.to_string());
    let path = request.path();
    tracing::warn!(
        peer,
        path,
        "a call without the signature of this cluster was refused"
    );
    HttpResponse::build(Refusal::Unsigned.status())
        .force_close()
        .body(Refusal::Unsigned.to_string())
}

async fn read_payload(mut payload: Payload) -> Result<BytesMut, Refusal> {
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

#[cfg(test)]
mod tests;
