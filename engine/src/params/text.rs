//! Replaces placeholders in the texts of one task, with a warning for what it cannot replace.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::interpolate::{Escaping, Reference, Style, interpolate};
use super::secret_slots::{SecretInsertion, SecretSlot, SlotTarget, ValueEscaping};
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

impl Place {
    /// Returns how a value is written at a reference.
    fn escaping_at(self, reference: &Reference<'_>) -> ValueEscaping {
        match (reference.escaping, self) {
            (Escaping::Raw, _) | (Escaping::ByPlace, Self::Text) => ValueEscaping::AsIs,
            (Escaping::ByPlace, Self::Json) => ValueEscaping::Json,
            (Escaping::ByPlace, Self::Url) if reference.before.contains('?') => ValueEscaping::Percent,
            (Escaping::ByPlace, Self::Url) => ValueEscaping::AsIs,
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

    /// Returns a text with every placeholder replaced that has a value; secrets have none.
    pub(crate) fn interpolate(&mut self, text: &str, place: Place) -> String {
        self.replace(text, place, &mut |_| false)
    }

    /// Returns a text with every placeholder replaced that has a value, and the places for values of secrets.
    pub(crate) fn interpolate_with_secrets(
        &mut self,
        text: &str,
        place: Place,
    ) -> (String, Vec<SecretInsertion>) {
        let mut insertions = Vec::new();
        let text = self.replace(text, place, &mut |reference| {
            let Some(secret) = reference.secret else {
                return false;
            };
            insertions.push(SecretInsertion {
                at: reference.before.len(),
                secret: secret.to_owned(),
                escaping: place.escaping_at(reference),
            });
            true
        });
        (text, insertions)
    }

    /// Replaces placeholders; nothing stands in the place of those that `takes` takes.
    fn replace(&mut self, text: &str, place: Place, takes: &mut dyn FnMut(&Reference<'_>) -> bool) -> String {
        let mut left = MAX_INTERPOLATED_BYTES;
        let Ok(result) = interpolate::<Infallible>(text, Style::Text, self.base, &mut |reference| {
            if takes(&reference) {
                return Ok(Some(String::new()));
            }
            let Some(value) = self.values.get(reference.name) else {
                self.unknown.insert(reference.name.to_owned());
                return Ok(None);
            };
            let value = place.escaping_at(&reference).escape(value);
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

/// Replaces placeholders in a text, for example a key of a concurrency rule; returns it with warnings.
pub fn interpolate_text(
    text: &str,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> (String, Vec<String>) {
    let mut interpolator = TextInterpolator::new(values, base);
    let text = interpolator.interpolate(text, Place::Text);
    (text, interpolator.into_warnings())
}

/// A value of `env` with its placeholders replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedVariable {
    /// The value, without those of secrets.
    pub value: String,
    /// The places for those.
    pub secrets: Vec<SecretSlot>,
    /// What a person should know, as readable texts.
    pub warnings: Vec<String>,
}

/// Replaces placeholders in the variable `name` of a task's `env`.
pub fn interpolate_variable(
    name: &str,
    text: &str,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> PreparedVariable {
    let mut interpolator = TextInterpolator::new(values, base);
    let (value, insertions) = interpolator.interpolate_with_secrets(text, Place::Text);
    let target = SlotTarget::Env(name.to_owned());
    PreparedVariable {
        value,
        secrets: SecretSlot::all_of(&target, insertions).collect(),
        warnings: interpolator.into_warnings(),
    }
}
