//! The id that names one request in answers and logs.

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest};

/// The header that names a request, in and out.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a caller, in bytes.
const MAX_LENGTH: usize = 64;

/// Names one request in answers and logs.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// Takes the caller's id when it is harmless, else makes one.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let is_harmless = |id: &&str| {
            (1..=MAX_LENGTH).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        Self(
            sent.filter(is_harmless)
                .map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned),
        )
    }

    /// Returns the id of a request that passed the outermost layer; empty without one.
    pub(crate) fn from_request(request: &HttpRequest) -> Self {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| Self(String::new()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
