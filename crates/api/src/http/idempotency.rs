//! Idempotency keys: a repeated POST does nothing a second time and is answered like the first.

use actix_web::HttpRequest;
use catalog::{KnownRequest, RequestKey};
use document::{Format, parse_value};
use sha2::{Digest, Sha256};

use crate::auth::access::Caller;
use crate::http::codes::Code;
use crate::http::problem::Problem;

/// The longest key that is accepted, in bytes.
const MAX_LENGTH: usize = 255;

/// Computes the stored form of the `Idempotency-Key`, if it was sent.
pub(crate) fn request_key<N, O>(
    caller: &Caller<N, O>,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Option<RequestKey>, Problem> {
    let Some(header) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let key = header.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > MAX_LENGTH {
        let detail = format!("`Idempotency-Key` has 1 to {MAX_LENGTH} printable characters.");
        return Err(Problem::new(Code::InvalidHeader, detail));
    }
    let mut hash = Sha256::new();
    let user = caller.identity().name.as_str();
    for part in [user, request.method().as_str(), request.path(), key] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    Ok(Some(RequestKey {
        key: hex::encode(hash.finalize()),
        body_hash: hash_json(body),
    }))
}

/// Hashes a JSON body by its value: neither spaces nor the order of members make another request. Numbers are the
/// same when their text is.
fn hash_json(body: &[u8]) -> String {
    match parse_value(body, Format::Json) {
        Ok(mut value) => {
            value.sort_all_objects();
            hex::encode(Sha256::digest(value.to_string()))
        }
        // The request is refused for its body.
        Err(_) => hex::encode(Sha256::digest(body)),
    }
}

/// Finds the earlier request with the same key, if there was one.
pub(crate) async fn find_earlier_request<N, O>(
    caller: &Caller<N, O>,
    key: Option<&RequestKey>,
) -> Result<Option<KnownRequest>, Problem> {
    let Some(key) = key else {
        return Ok(None);
    };
    match caller.catalog().request_keys().find(&key.key).await? {
        Some(known) if known.body_hash != key.body_hash => Err(key_reused()),
        known => Ok(known),
    }
}

/// Creates a thing once for each key; a repetition finds what the first request created.
///
/// `create` stores the key in its transaction. `find` gets the resource that an earlier request created.
pub(crate) async fn create_once<N, O, T>(
    caller: &Caller<N, O>,
    request: &HttpRequest,
    body: &[u8],
    create: impl AsyncFnOnce(Option<RequestKey>) -> Result<T, Problem>,
    find: impl AsyncFnOnce(&str) -> Result<Option<T>, Problem>,
) -> Result<T, Problem> {
    let key = request_key(caller, request, body)?;
    match find_earlier_request(caller, key.as_ref()).await? {
        None => create(key).await,
        Some(known) => find(&known.resource)
            .await?
            .ok_or_else(|| created_resource_missing(&known)),
    }
}

/// Refuses a key that was used with another body.
pub(crate) fn key_reused() -> Problem {
    Problem::new(
        Code::IdempotencyKeyReused,
        "This `Idempotency-Key` was used with another body; take a new key for a new request.",
    )
}

/// Refuses a repetition whose earlier request created a resource that no longer exists.
pub(crate) fn created_resource_missing(known: &KnownRequest) -> Problem {
    Problem::not_found(format!(
        "{} {} any more; an earlier request made it",
        known.kind, known.resource
    ))
}

#[cfg(test)]
mod tests;
