//! Signature Version 4 of AWS.

use chrono::{DateTime, Utc};
use engine::connection::http::HttpAuth;
use reqwest::Request;
use reqwest::header::HeaderName;

use super::canonical::{
    SignedHeaders, body_hash, canonical_path, canonical_request, encode, hmac_sha256, sha256_hex,
};
use super::{HttpConnectionError, set_authorization, set_secret_header};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The end of the scope of every signature.
const SCOPE_END: &str = "aws4_request";

/// The service whose paths are encoded once; those of all others are encoded twice.
const OBJECT_STORE: &str = "s3";

/// Signs a request.
pub(super) fn sign(
    request: &mut Request,
    auth: &HttpAuth,
    now: DateTime<Utc>,
) -> Result<(), HttpConnectionError> {
    let HttpAuth::AwsSigv4 {
        access_key,
        secret_key,
        session_token,
        region,
        service,
    } = auth
    else {
        return Ok(());
    };
    let time = now.format("%Y%m%dT%H%M%SZ").to_string();
    let date = now.format("%Y%m%d").to_string();
    let body = body_hash(request);
    set_secret_header(request, HeaderName::from_static("x-amz-date"), &time)?;
    if service == OBJECT_STORE {
        set_secret_header(request, HeaderName::from_static("x-amz-content-sha256"), &body)?;
    }
    if let Some(token) = session_token {
        set_secret_header(request, HeaderName::from_static("x-amz-security-token"), token)?;
    }
    let headers = SignedHeaders::of(request, |name| {
        name.starts_with("x-amz-") || name == "content-type"
    });
    let path = canonical_path(request);
    let path = if service == OBJECT_STORE {
        path
    } else {
        path.split('/').map(encode).collect::<Vec<_>>().join("/")
    };
    let canonical = canonical_request(request, &path, &headers, &body);
    let scope = format!("{date}/{region}/{service}/{SCOPE_END}");
    let text = format!(
        "{ALGORITHM}\n{time}\n{scope}\n{}",
        sha256_hex(canonical.as_bytes())
    );
    let key = hmac_sha256(format!("AWS4{secret_key}").as_bytes(), &date);
    let key = [region.as_str(), service.as_str(), SCOPE_END]
        .iter()
        .fold(key, |key, part| hmac_sha256(&key, part));
    let signature = hex::encode(hmac_sha256(&key, &text));
    let names = headers.names();
    let proof =
        format!("{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}");
    set_authorization(request, &proof)
}
