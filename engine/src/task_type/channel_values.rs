//! The values of fields that say where messages go and what they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use super::header_values::MAX_LINE_BYTES;
use crate::spec::validator::{Path, Validator};
use crate::template::{MAX_TEMPLATE_BYTES, check_template, sample_values};

/// The most mail addresses or channels of a list.
const MAX_RECEIVERS: usize = 50;

/// The most bytes of a mail address (RFC 5321).
const MAX_ADDRESS_BYTES: usize = 254;

/// Reads the http or https address of a receiver; it may have a query, and holds no credentials.
pub(super) fn parse_channel_url(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = validator.short_text(value, at, MAX_LINE_BYTES)?;
    if let Err(message) = check_channel_url(&text) {
        validator.invalid(at, "BAD_VALUE", message);
        return None;
    }
    Some(text)
}

/// Checks an address to which messages are sent; the error never repeats it.
///
/// # Errors
/// What is wrong, as a readable text.
pub fn check_channel_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()));
    let url = url.ok_or("a url begins with http:// or https:// and a host")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a url holds no user and no password; use `sign: bearer` with `secret`");
    }
    Ok(url)
}

/// Reads a template, and tries it.
pub(super) fn parse_template(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = validator.short_text(value, at, MAX_TEMPLATE_BYTES)?;
    if let Err(error) = check_template(&text, &sample_values()) {
        validator.invalid(at, "INVALID_EXPRESSION", error.to_string());
        return None;
    }
    Some(text)
}

/// Reads a list of mail addresses, each alone or as `Name <address>`.
pub(super) fn parse_mail_addresses(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> Option<Vec<String>> {
    let list = receivers(validator, value, at)?;
    for (place, text) in list.iter().enumerate() {
        if !is_mail_address(text) {
            let message = "a mail address like `ops@example.org` or `Ops <ops@example.org>` is needed here";
            validator.invalid(&at.index(place), "BAD_VALUE", message);
        }
    }
    Some(list)
}

/// Reads a list of names of channels.
pub(super) fn parse_channel_names(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> Option<Vec<String>> {
    let list = receivers(validator, value, at)?;
    let mut known = BTreeSet::new();
    for (place, name) in list.iter().enumerate() {
        let at = at.index(place);
        validator.name(&json!(name), &at)?;
        if !known.insert(name) {
            validator.invalid(&at, "DUPLICATE", format!("`{name}` is listed twice"));
        }
    }
    Some(list)
}

fn receivers(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Vec<String>> {
    let list = validator.list(value, at, MAX_RECEIVERS)?;
    if list.is_empty() {
        validator.invalid(at, "MISSING", "the list is empty: nothing would be sent");
        return None;
    }
    let texts = list.iter().enumerate();
    texts
        .map(|(place, text)| validator.short_text(text, &at.index(place), MAX_LINE_BYTES))
        .collect()
}

fn is_mail_address(text: &str) -> bool {
    let address = match text.split_once('<') {
        Some((name, rest)) if !name.contains(['"', '@', ',', ';']) => match rest.strip_suffix('>') {
            Some(address) => address,
            None => return false,
        },
        Some(_) => return false,
        None => text,
    };
    let is_legal = |c: char| !c.is_control() && !c.is_whitespace() && !"<>()[],;:\\\"@".contains(c);
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    !text.contains(char::is_control)
        && address.len() <= MAX_ADDRESS_BYTES
        && !local.is_empty()
        && local.is_ascii()
        && local.chars().all(is_legal)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && url::Host::parse(domain).is_ok()
}

/// Returns the JSON Schema of a list of mail addresses.
pub(super) fn mail_addresses_schema() -> Value {
    json!({ "type": "array", "minItems": 1, "maxItems": MAX_RECEIVERS, "items": { "type": "string" } })
}

/// Returns the JSON Schema of a list of names of channels.
pub(super) fn channel_names_schema() -> Value {
    json!({
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_RECEIVERS,
        "uniqueItems": true,
        "items": { "type": "string", "minLength": 1 },
    })
}
