//! One signed request to another node, sent once, with what surely became of it.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use engine::ids::Incarnation;
use ports::rpc::transport::CallError;
use primitives::error_chain::root_cause;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use super::keepalive::with_keepalive;
use super::signature::{Key, SignedCall, SignedReply, hash_body};
use super::wire;

/// Time to connect; a live node takes a few milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Idle time after which a connection is closed, before the server would.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Where a request goes, by whom.
pub(super) struct Endpoint<'a> {
    pub(super) client: &'a Client,
    pub(super) key: &'a Key,
    pub(super) from: Incarnation,
    pub(super) to: Incarnation,
    pub(super) host: &'a str,
}

/// The request.
pub(super) struct Request {
    pub(super) path: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) deadline: Duration,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// No process listens there. Surely not delivered.
    #[error("the connection was refused")]
    Refused,
    /// No connection was made. Surely not delivered.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// The node answered that the call had no effect. Surely not delivered.
    #[error("{status}: {reason}")]
    Declined {
        /// The HTTP status.
        status: u16,
        /// The node's reason.
        reason: String,
    },
    /// The connection ended under the call, which may have arrived.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// No reply in time, or none that can be believed or read; the call may have arrived.
    #[error("no reply: {0}")]
    Unanswered(String),
}

impl Failure {
    /// Returns the error of the caller, with the name of the called node.
    pub(super) fn into_call_error(self, node: String) -> CallError {
        match self {
            Self::Refused => CallError::Refused(node),
            Self::Unreachable(_) | Self::Declined { .. } => CallError::NotDelivered(node),
            Self::Broken(_) | Self::Unanswered(_) => CallError::NoAnswer(node),
        }
    }

    /// Whether it hints at a dead node: no process listens any more, or its end of the connection was closed.
    pub(super) fn hints_at_death(&self) -> bool {
        matches!(self, Self::Refused | Self::Broken(_))
    }
}

/// Makes a client for one incarnation of a node, with a pool of its own.
///
/// # Errors
/// With a readable reason, when the TLS provider of the process cannot be used.
pub(super) fn new_client() -> Result<Client, String> {
    // An error says that another part of this process has chosen the same provider before.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .http1_only()
        .tls_certs_only([])
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_LIMIT)
        .tcp_nodelay(true);
    with_keepalive(builder).build().map_err(|error| error.to_string())
}

impl Endpoint<'_> {
    /// Sends it once.
    pub(super) async fn send(&self, request: Request) -> Result<Vec<u8>, Failure> {
        let hash = hash_body(&request.body);
        let signature = self.key.sign_call(&SignedCall {
            method: "POST",
            path: request.path,
            from: self.from,
            to: self.to,
            body_hash: &hash,
        });
        let call = self
            .client
            .post(format!("http://{}{}", self.host, request.path))
            .timeout(request.deadline)
            .header(wire::FROM, self.from.to_string())
            .header(wire::TO, self.to.to_string())
            .header(wire::BODY_HASH, hash)
            .header(wire::SIGNATURE, &signature)
            .body(request.body);
        let response = call.send().await.map_err(|error| failure_of(&error))?;
        self.read(response, &signature).await
    }

    /// Reads a reply and checks that the called node gave it to this very call.
    async fn read(&self, response: Response, call: &str) -> Result<Vec<u8>, Failure> {
        let status = response.status();
        let headers = response.headers().clone();
        let body = read_body(response).await?;
        let signed = SignedReply {
            call,
            status: status.as_u16(),
            body_hash: &hash_body(&body),
        };
        // Only an unsigned call is answered without a signature: the caller could check none.
        let believed = status == StatusCode::UNAUTHORIZED
            || self.key.verify_reply(&signed, text(&headers, wire::SIGNATURE));
        if !believed {
            return Err(Failure::Unanswered("the reply has no valid signature".to_owned()));
        }
        let reason = || String::from_utf8_lossy(&body).into_owned();
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::GATEWAY_TIMEOUT | StatusCode::INTERNAL_SERVER_ERROR => {
                Err(Failure::Unanswered(reason()))
            }
            _ => Err(Failure::Declined {
                status: status.as_u16(),
                reason: reason(),
            }),
        }
    }
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| failure_of(&error))? {
        if body.len() + part.len() > wire::BODY_LIMIT {
            return Err(Failure::Unanswered("the reply is too large".to_owned()));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Sorts the errors of the HTTP client by whether the call may have left.
fn failure_of(error: &reqwest::Error) -> Failure {
    let reason = root_cause(error);
    if error.is_connect() && cause_is(error, io::ErrorKind::ConnectionRefused) {
        Failure::Refused
    } else if error.is_connect() || error.is_builder() {
        Failure::Unreachable(reason)
    } else if error.is_timeout() {
        Failure::Unanswered(reason)
    } else {
        Failure::Broken(reason)
    }
}

/// Every error of a chain.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

fn cause_is(error: &reqwest::Error, kind: io::ErrorKind) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == kind)
}
