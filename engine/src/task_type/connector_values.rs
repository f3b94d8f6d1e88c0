//! The values of fields that say how a service is reached.

use serde_json::{Value, json};
use url::{Host, Url};

use super::header_values::MAX_LINE_BYTES;
use crate::spec::validator::{Path, Validator};

/// The most bytes of a secret.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// The most bytes of certificates; the bundle of an operating system has a quarter of that.
const MAX_CERTIFICATES_BYTES: usize = 1024 * 1024;

/// How a certificate in PEM begins.
const CERTIFICATE_BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// Reads a text of one line that is not empty.
pub(super) fn parse_line(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = validator.scalar(value, at, MAX_LINE_BYTES)?;
    if text.trim().is_empty() || text.contains(char::is_control) {
        validator.invalid(at, "BAD_VALUE", "a text of one line is needed here");
        return None;
    }
    Some(text)
}

/// Reads the name or address of a host, without scheme, port and path.
pub(super) fn parse_host(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = parse_line(validator, value, at)?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let is_address = bare.parse::<std::net::IpAddr>().is_ok();
    if !is_address && (text.contains('/') || text.contains('@') || Host::parse(&text).is_err()) {
        let message =
            "a name like `db.example.org` or an address is needed here; the port is a field of its own";
        validator.invalid(at, "BAD_VALUE", message);
        return None;
    }
    Some(bare.to_owned())
}

/// Reads an http or https address that holds neither credentials nor a query.
pub(super) fn parse_service_url(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = validator.short_text(value, at, MAX_LINE_BYTES)?;
    let url = match Url::parse(&text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => url,
        // The text may hold a password: it is not repeated.
        Ok(_) | Err(_) => {
            validator.invalid(
                at,
                "BAD_VALUE",
                "a url begins with http:// or https:// and a host",
            );
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        let message = "a url holds no user and no password: there are fields for them";
        validator.invalid(at, "BAD_VALUE", message);
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        validator.invalid(
            at,
            "BAD_VALUE",
            "this url has no query (`?…`) and no fragment (`#…`)",
        );
        return None;
    }
    Some(text)
}

/// Reads certificates in PEM.
pub(super) fn parse_certificates(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = validator.short_text(value, at, MAX_CERTIFICATES_BYTES)?;
    if !text.contains(CERTIFICATE_BEGIN) || text.contains("PRIVATE KEY") {
        let message =
            format!("certificates in PEM are needed here: the text begins with {CERTIFICATE_BEGIN}");
        validator.invalid(at, "BAD_VALUE", message);
        return None;
    }
    Some(text)
}

/// Returns the JSON Schema of certificates in PEM.
pub(super) fn certificates_schema() -> Value {
    json!({ "type": "string", "contentMediaType": "application/x-pem-file" })
}

/// Checks what is to become of a secret; no message repeats it.
pub(super) fn parse_secret(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Value> {
    match value {
        Value::Null => {}
        Value::Object(map) if map.len() == 1 && map.get("set") == Some(&Value::Bool(true)) => {}
        Value::String(text) if text.is_empty() => {
            validator.invalid(at, "BAD_VALUE", "it is empty; null removes the secret");
            return None;
        }
        Value::String(_) => {
            validator.short_text(value, at, MAX_SECRET_BYTES)?;
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let wanted = "a text, or {\"set\": true} to keep the stored one, or null to remove it,";
            validator.bad_type(value, at, wanted);
            return None;
        }
    }
    Some(value.clone())
}

/// Returns the JSON Schema of a secret.
pub(super) fn secret_schema() -> Value {
    json!({
        "type": ["string", "object", "null"],
        "minLength": 1,
        "properties": { "set": { "const": true } },
        "additionalProperties": false,
        "writeOnly": true,
    })
}
