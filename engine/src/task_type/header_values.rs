//! The values of fields that are headers of HTTP requests.

use serde_json::{Map, Value};

use crate::spec::validator::{Path, Validator};

/// The most bytes of a url, a header's value or a program's name.
pub(super) const MAX_LINE_BYTES: usize = 8 * 1024;

/// The most headers of one request.
const MAX_HEADERS: usize = 100;

/// Headers that say where a body ends. One that is wrong cuts the body, or smuggles a second request.
const OWN_HEADERS: &[&str] = &["Content-Length", "Transfer-Encoding"];

/// Reads the headers of a request: names with texts of one line.
pub(super) fn parse_headers(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> Option<Map<String, Value>> {
    let map = validator.map(value, at)?;
    if !validator.at_most(map.len(), MAX_HEADERS, at) {
        return None;
    }
    let mut headers = Map::new();
    for (name, value) in map {
        let at = at.key(name);
        if !is_header_name(name) {
            validator.invalid_key(
                &at,
                "BAD_NAME",
                format!("`{name}` cannot be the name of a header"),
            );
        }
        if is_own_header(name) {
            let message = format!("`{name}` follows from the body; a task cannot set it");
            validator.invalid_key(&at, "FORBIDDEN_NAME", message);
        }
        let Some(text) = validator.scalar(value, &at, MAX_LINE_BYTES) else {
            continue;
        };
        if text.contains(['\r', '\n', '\0']) {
            validator.invalid(&at, "BAD_VALUE", "the value of a header is one line");
        }
        headers.insert(name.clone(), Value::from(text));
    }
    Some(headers)
}

/// Reads the name of a header that a request may set.
pub(super) fn parse_header_name(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let name = validator.short_text(value, at, MAX_LINE_BYTES)?;
    if !is_header_name(&name) || is_own_header(&name) {
        validator.invalid(at, "BAD_NAME", format!("`{name}` cannot be the name of a header"));
        return None;
    }
    Some(name)
}

/// Whether a text can be the name of a header.
fn is_header_name(name: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_token)
}

/// Whether a header follows from the body of a request.
fn is_own_header(name: &str) -> bool {
    OWN_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own))
}
