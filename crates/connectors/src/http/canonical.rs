//! What the signatures of clouds have in common: hashes, and one way to write a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rand::Rng as _;
use reqwest::Request;
use sha2::{Digest as _, Sha256};

/// Every byte but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Bytes of a nonce.
const NONCE_BYTES: usize = 16;

/// Returns the SHA-256 of bytes in hex.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Returns the HMAC-SHA256 of a text.
pub(super) fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("any key has a MAC"));
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Returns bytes in base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Returns a number that is used once.
pub(super) fn nonce() -> String {
    let mut bytes = [0_u8; NONCE_BYTES];
    rand::rng().fill(&mut bytes);
    hex::encode(bytes)
}

/// Returns the hash of the body, which is always in memory.
pub(super) fn body_hash(request: &Request) -> String {
    let body = request.body().and_then(reqwest::Body::as_bytes);
    sha256_hex(body.unwrap_or_default())
}

/// Encodes a text for a place in which only unreserved characters stand for themselves.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Writes the query with its parameters encoded and in order.
pub(super) fn canonical_query(request: &Request) -> String {
    let mut pairs: Vec<(String, String)> = request
        .url()
        .query_pairs()
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.sort();
    let pairs = pairs.into_iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

/// Writes the path with each of its parts encoded once.
pub(super) fn canonical_path(request: &Request) -> String {
    let parts = request.url().path().split('/');
    let parts = parts.map(|part| encode(&percent_decode_str(part).decode_utf8_lossy()));
    parts.collect::<Vec<_>>().join("/")
}

/// Returns the host of the request with its port, as the client sends it.
pub(super) fn host_header(request: &Request) -> String {
    let url = request.url();
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Names and values of headers that are signed, in order.
pub(super) struct SignedHeaders(pub(super) Vec<(String, String)>);

impl SignedHeaders {
    /// Takes the host, and the headers of the request whose names satisfy a rule.
    pub(super) fn of(request: &Request, is_signed: impl Fn(&str) -> bool) -> Self {
        let mut headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .filter(|(name, _)| is_signed(name.as_str()))
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.as_str().to_owned(), value.trim().to_owned())
            })
            .collect();
        headers.push(("host".to_owned(), host_header(request)));
        headers.sort();
        Self(headers)
    }

    /// Returns the names, separated by semicolons.
    pub(super) fn names(&self) -> String {
        let names = self.0.iter().map(|(name, _)| name.as_str());
        names.collect::<Vec<_>>().join(";")
    }

    /// Returns a line for each header.
    pub(super) fn lines(&self) -> String {
        self.0
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect()
    }
}

/// Writes the request in the one way that both sides hash.
pub(super) fn canonical_request(
    request: &Request,
    path: &str,
    headers: &SignedHeaders,
    body: &str,
) -> String {
    format!(
        "{}\n{path}\n{}\n{}\n{}\n{body}",
        request.method(),
        canonical_query(request),
        headers.lines(),
        headers.names()
    )
}
