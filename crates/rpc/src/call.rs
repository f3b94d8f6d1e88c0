//! One call to another node: sealed, sent once, and what surely became of it.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use engine::ids::Incarnation;
use primitives::error_chain::root_cause;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use super::seal::{Key, Sealed, SealedAnswer, fingerprint};
use super::socket::against_silence;
use super::wire;

/// To connect; a live node on a network of ours takes a few milliseconds.
const CONNECT: Duration = Duration::from_millis(500);

/// Connections that nobody uses are closed after this time, before the server would.
const IDLE: Duration = Duration::from_secs(30);

/// Where a call goes, and by whom.
pub(super) struct Way<'a> {
    pub(super) client: &'a Client,
    pub(super) key: &'a Key,
    pub(super) from: Incarnation,
    pub(super) to: Incarnation,
    pub(super) host: &'a str,
}

/// What is asked.
pub(super) struct Question {
    pub(super) path: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) deadline: Duration,
}

/// What came back, with the seal of the node that was asked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) size: Option<u64>,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// Nobody listens there. Surely not delivered.
    #[error("the connection was refused")]
    Refused,
    /// No connection came about. Surely not delivered.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// The node said that it has done nothing. Surely not delivered.
    #[error("{status}: {why}")]
    Declined {
        /// As HTTP has it.
        status: u16,
        /// Its sentence.
        why: String,
    },
    /// The connection ended under the call, which may have arrived.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// No answer in time, or none that can be believed or read; the call may have arrived.
    #[error("no answer: {0}")]
    Unanswered(String),
}

impl Failure {
    /// Whether the call surely was not taken.
    pub(super) fn surely_not_delivered(&self) -> bool {
        matches!(self, Self::Refused | Self::Unreachable(_) | Self::Declined { .. })
    }

    /// Whether it hints that the node is gone: nobody listens any more, or its end of the connection was closed.
    pub(super) fn hints_at_death(&self) -> bool {
        matches!(self, Self::Refused | Self::Broken(_))
    }
}

/// Makes a client for one life of a node, with a pool of its own.
///
/// # Errors
/// In words, when the TLS provider of the process cannot be used.
pub(super) fn client() -> Result<Client, String> {
    // An error says that another part of this process has chosen the same provider before.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .http1_only()
        .tls_certs_only([])
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    against_silence(builder)
        .build()
        .map_err(|error| error.to_string())
}

impl Way<'_> {
    /// Asks once.
    pub(super) async fn ask(&self, question: Question) -> Result<Answer, Failure> {
        let hash = fingerprint(&question.body);
        let seal = self.key.seal(&Sealed {
            method: "POST",
            path: question.path,
            from: self.from,
            to: self.to,
            body: &hash,
        });
        let request = self
            .client
            .post(format!("http://{}{}", self.host, question.path))
            .timeout(question.deadline)
            .header(wire::FROM, self.from.to_string())
            .header(wire::TO, self.to.to_string())
            .header(wire::BODY, hash)
            .header(wire::SEAL, &seal)
            .body(question.body);
        let response = request.send().await.map_err(|error| failure_of(&error))?;
        self.read(response, &seal).await
    }

    /// Reads an answer and checks that the asked node gave it to this very call.
    async fn read(&self, response: Response, seal: &str) -> Result<Answer, Failure> {
        let status = response.status();
        let headers = response.headers().clone();
        let body = read_body(response).await?;
        let sealed = SealedAnswer {
            to: seal,
            status: status.as_u16(),
            size: text(&headers, wire::SIZE),
            body: &fingerprint(&body),
        };
        // Only a stranger is answered without a seal, since nothing that he could check is known.
        let believed =
            status == StatusCode::UNAUTHORIZED || self.key.fits_answer(&sealed, text(&headers, wire::SEAL));
        if !believed {
            return Err(Failure::Unanswered("the answer has no seal that fits".to_owned()));
        }
        let why = || String::from_utf8_lossy(&body).into_owned();
        match status {
            StatusCode::OK => Ok(Answer {
                size: sealed.size.parse().ok(),
                body,
            }),
            StatusCode::GATEWAY_TIMEOUT | StatusCode::INTERNAL_SERVER_ERROR => {
                Err(Failure::Unanswered(why()))
            }
            _ => Err(Failure::Declined {
                status: status.as_u16(),
                why: why(),
            }),
        }
    }
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| failure_of(&error))? {
        if body.len() + part.len() > wire::LARGEST_BODY {
            return Err(Failure::Unanswered("the answer is too large".to_owned()));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Sorts what the HTTP client says by whether the call may have left.
fn failure_of(error: &reqwest::Error) -> Failure {
    let why = root_cause(error);
    if error.is_connect() && cause_is(error, io::ErrorKind::ConnectionRefused) {
        Failure::Refused
    } else if error.is_connect() || error.is_builder() {
        Failure::Unreachable(why)
    } else if error.is_timeout() {
        Failure::Unanswered(why)
    } else {
        Failure::Broken(why)
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
