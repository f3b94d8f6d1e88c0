//! The signature V3 of Alibaba Cloud, ACS3-HMAC-SHA256.

use chrono::{DateTime, Utc};
use engine::connection::http::HttpAuth;
use reqwest::Request;
use reqwest::header::HeaderName;

use super::canonical::{
    SignedHeaders, body_hash, canonical_path, canonical_request, hmac_sha256, sha256_hex,
};
use super::{HttpConnectionError, set_authorization, set_secret_header};

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Signs a request.
pub(super) fn sign(
    request: &mut Request,
    auth: &HttpAuth,
    now: DateTime<Utc>,
    nonce: &str,
) -> Result<(), HttpConnectionError> {
    let HttpAuth::Aliyun {
        access_key,
        secret_key,
    } = auth
    else {
        return Ok(());
    };
    let body = body_hash(request);
    let time = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    for (name, value) in [
        ("x-acs-date", time.as_str()),
        ("x-acs-signature-nonce", nonce),
        ("x-acs-content-sha256", &body),
    ] {
        set_secret_header(request, HeaderName::from_static(name), value)?;
    }
    let headers = SignedHeaders::of(request, |name| {
        name.starts_with("x-acs-") || name == "content-type"
    });
    let canonical = canonical_request(request, &canonical_path(request), &headers, &body);
    let text = format!("{ALGORITHM}\n{}", sha256_hex(canonical.as_bytes()));
    let signature = hex::encode(hmac_sha256(secret_key.as_bytes(), &text));
    let names = headers.names();
    let proof = format!("{ALGORITHM} Credential={access_key},SignedHeaders={names},Signature={signature}");
    set_authorization(request, &proof)
}
