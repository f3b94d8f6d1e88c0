//! The same POST with the same `Idempotency-Key` does nothing a second time and gets the same answer.

use actix_web::HttpRequest;
use sha2::{Digest, Sha256};

use super::access::Authorised;
use super::codes::Code;
use super::problem::Problem;
use store::catalog::{KnownRequest, RequestKey};

/// The longest key that is taken.
const LONGEST: usize = 255;

/// What is known of a request.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is new; the key belongs into the transaction of its effect.
    New(Option<RequestKey>),
    /// It was done before; its resource tells the answer.
    Before(KnownRequest),
}

/// Computes the stored form of the header, if it was sent.
pub(super) fn key_of(request: &HttpRequest, user: &str, body: &[u8]) -> Result<Option<RequestKey>, Problem> {
    let Some(header) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let key = header.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > LONGEST {
        let detail = format!("`Idempotency-Key` has 1 to {LONGEST} printable characters.");
        return Err(Problem::new(Code::InvalidHeader, detail));
    }
    let mut hash = Sha256::new();
    for part in [user, request.method().as_str(), request.path(), key] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    Ok(Some(RequestKey {
        key: hex::encode(hash.finalize()),
        body_hash: hex::encode(Sha256::digest(body)),
    }))
}

/// Looks the request up.
pub(super) async fn look_up<N, O>(
    who: &Authorised<N, O>,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Seen, Problem> {
    let Some(key) = key_of(request, &who.identity.name, body)? else {
        return Ok(Seen::New(None));
    };
    match who.catalog().known_request(&key.key).await? {
        None => Ok(Seen::New(Some(key))),
        Some(known) if known.body_hash == key.body_hash => Ok(Seen::Before(known)),
        Some(_) => Err(reused()),
    }
}

/// The same key came with another body.
pub(super) fn reused() -> Problem {
    Problem::new(
        Code::IdempotencyKeyReused,
        "This `Idempotency-Key` was used with another body; take a new key for a new request.",
    )
}

/// The thing that the first request made is gone.
pub(super) fn gone(known: &KnownRequest) -> Problem {
    Problem::not_found(format!(
        "{} {} any more; an earlier request made it",
        known.kind, known.resource
    ))
}
