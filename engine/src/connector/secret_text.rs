//! `${secret.NAME}` in secret fields.

use crate::spec::names;

/// How a reference begins.
const BEGIN: &str = "${secret.";

/// A secret that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no secret `{0}`")]
pub struct MissingSecret(pub String);

/// A part of a text.
enum TextPart<'a> {
    Literal(&'a str),
    /// The name of a secret.
    Reference(&'a str),
}

/// Returns the names of the secrets that a text refers to.
pub fn secret_names(text: &str) -> Vec<String> {
    let names = split_text(text).into_iter().filter_map(|part| match part {
        TextPart::Reference(name) => Some(name.to_owned()),
        TextPart::Literal(_) => None,
    });
    names.collect()
}

/// Replaces the references of a text by the values of the secrets.
///
/// # Errors
/// The first secret that `find` does not know.
pub fn fill_secrets(text: &str, find: &dyn Fn(&str) -> Option<String>) -> Result<String, MissingSecret> {
    let parts = split_text(text).into_iter().map(|part| match part {
        TextPart::Literal(text) => Ok(text.to_owned()),
        TextPart::Reference(name) => find(name).ok_or_else(|| MissingSecret(name.to_owned())),
    });
    parts.collect()
}

/// Whether a text is one reference and nothing else; such a text is no secret.
pub(super) fn is_reference(text: &str) -> bool {
    matches!(split_text(text).as_slice(), [TextPart::Reference(_)])
}

fn split_text(text: &str) -> Vec<TextPart<'_>> {
    let mut parts = Vec::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(place) = rest[from..].find(BEGIN).map(|place| place + from) {
        let inside = &rest[place + BEGIN.len()..];
        let name = inside.split_once('}').map(|(name, _)| name);
        let Some(name) = name.filter(|name| names::check_param(name).is_ok()) else {
            from = place + BEGIN.len();
            continue;
        };
        if place > 0 {
            parts.push(TextPart::Literal(&rest[..place]));
        }
        parts.push(TextPart::Reference(name));
        (rest, from) = (&inside[name.len() + 1..], 0);
    }
    if !rest.is_empty() {
        parts.push(TextPart::Literal(rest));
    }
    parts
}
