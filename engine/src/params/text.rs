//! Replaces placeholders in the texts of one task, with a warning for what it cannot replace.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::interpolate::{Escaping, Style, interpolate};
use super::time::TimeBase;

/// The most bytes that one text may grow to.
const MAX_INTERPOLATED_BYTES: usize = 16 * 1024 * 1024;

/// What a text is, which decides how values are put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Values stand as they are.
    Text,
    /// Values are escaped for a JSON string.
    Json,
    /// Values in the query are percent-encoded.
    Url,
}

/// Every byte but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Place {
    /// Escapes a value that follows `before`.
    fn escape(self, value: &str, before: &str) -> String {
        match self {
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Url if before.contains('?') => utf8_percent_encode(value, RESERVED).to_string(),
            Self::Text | Self::Url => value.to_owned(),
        }
    }
}

/// Replaces placeholders and collects what was not possible.
pub(crate) struct TextInterpolator<'a> {
    values: &'a BTreeMap<String, String>,
    base: TimeBase,
    unknown: BTreeSet<String>,
    is_too_large: bool,
}

impl<'a> TextInterpolator<'a> {
    /// Takes the values of a task.
    pub(crate) fn new(values: &'a BTreeMap<String, String>, base: TimeBase) -> Self {
        Self {
            values,
            base,
            unknown: BTreeSet::new(),
            is_too_large: false,
        }
    }

    /// Returns a text with every placeholder replaced that has a value.
    pub(crate) fn interpolate(&mut self, text: &str, place: Place) -> String {
        let mut left = MAX_INTERPOLATED_BYTES;
        let Ok(result) = interpolate::<Infallible>(text, Style::Text, self.base, &mut |reference| {
            let Some(value) = self.values.get(reference.name) else {
                self.unknown.insert(reference.name.to_owned());
                return Ok(None);
            };
            let value = match reference.escaping {
                Escaping::ByPlace => place.escape(value, reference.before),
                Escaping::Raw => value.clone(),
            };
            match left.checked_sub(value.len()) {
                Some(rest) => left = rest,
                None => {
                    self.is_too_large = true;
                    return Ok(None);
                }
            }
            Ok(Some(value))
        });
        result
    }

    /// Returns what a person should know about placeholders that stayed, as readable texts.
    pub(crate) fn into_warnings(self) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .unknown
            .into_iter()
            .map(|name| format!("no parameter is called `{name}`: `${{{name}}}` stays as it is"))
            .collect();
        if self.is_too_large {
            warnings.push(format!(
                "a field would grow over {MAX_INTERPOLATED_BYTES} bytes: some placeholders stay as they are"
            ));
        }
        warnings
    }
}

/// Replaces placeholders in a text, for example a value of a task's `env`; returns it with warnings.
pub fn interpolate_text(
    text: &str,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> (String, Vec<String>) {
    let mut interpolator = TextInterpolator::new(values, base);
    let text = interpolator.interpolate(text, Place::Text);
    (text, interpolator.into_warnings())
}
