//! Where the values of secrets are put into a prepared task. The values themselves reach the worker beside it, so that
//! whatever holds or shows the task holds none of them.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names of placeholders that begin so mean secrets; no parameter has such a name.
pub const SECRET_PREFIX: &str = "secret.";

/// Every byte but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How a value is written at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueEscaping {
    /// As it is.
    #[default]
    AsIs,
    /// As a part of a JSON string.
    Json,
    /// Percent-encoded.
    Percent,
}

impl ValueEscaping {
    /// Writes a value.
    pub(crate) fn escape(self, value: &str) -> String {
        match self {
            Self::AsIs => value.to_owned(),
            Self::Json => {
                let quoted = Value::from(value).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Percent => utf8_percent_encode(value, RESERVED).to_string(),
        }
    }
}

/// A place in a text for the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretInsertion {
    /// The byte before which the value stands.
    pub(crate) at: usize,
    /// The name of the secret.
    pub(crate) secret: String,
    /// How it is written.
    pub(crate) escaping: ValueEscaping,
}

/// The text of a prepared task that gets a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotTarget {
    /// The variable of this name.
    Env(String),
    /// The field at this JSON pointer.
    Field(String),
}

/// A place of a prepared task for the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSlot {
    /// The text.
    pub target: SlotTarget,
    /// The byte of it before which the value stands.
    pub at: usize,
    /// The name of the secret.
    pub secret: String,
    /// How the value is written there.
    #[serde(default)]
    pub escaping: ValueEscaping,
}

/// A slot that cannot be filled: its sender has another version, or sent no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{secret}` cannot be put into the task: {reason}")]
pub struct UnfilledSlot {
    /// The name of the secret.
    pub secret: String,
    /// What is missing.
    pub reason: &'static str,
}

impl SecretSlot {
    /// Makes the slots of one text.
    pub(crate) fn all_of(
        target: &SlotTarget,
        insertions: Vec<SecretInsertion>,
    ) -> impl Iterator<Item = Self> {
        insertions.into_iter().map(move |insertion| Self {
            target: target.clone(),
            at: insertion.at,
            secret: insertion.secret,
            escaping: insertion.escaping,
        })
    }
}

/// Puts values into the variables and fields of a task; slots of one text are in the order of the text.
///
/// # Errors
/// A value or the place for it is missing.
pub fn fill_secret_slots<'v>(
    slots: &[SecretSlot],
    value_of: impl Fn(&str) -> Option<&'v str>,
    env: &mut BTreeMap<String, String>,
    fields: &mut Map<String, Value>,
) -> Result<(), UnfilledSlot> {
    // From the end, so that no value moves the places before it.
    for slot in slots.iter().rev() {
        let unfilled = |reason| UnfilledSlot {
            secret: slot.secret.clone(),
            reason,
        };
        let value = value_of(&slot.secret).ok_or_else(|| unfilled("its value did not arrive"))?;
        let text = match &slot.target {
            SlotTarget::Env(name) => env.get_mut(name),
            SlotTarget::Field(pointer) => find_text(fields, pointer),
        };
        let text = text.filter(|text| text.is_char_boundary(slot.at));
        let text = text.ok_or_else(|| unfilled("there is no such place in it"))?;
        text.insert_str(slot.at, &slot.escaping.escape(value));
    }
    Ok(())
}

/// Finds a text in the fields by its JSON pointer.
fn find_text<'f>(fields: &'f mut Map<String, Value>, pointer: &str) -> Option<&'f mut String> {
    let (first, rest) = match pointer.strip_prefix('/')?.split_once('/') {
        Some((first, _)) => (first, &pointer[first.len() + 1..]),
        None => (&pointer[1..], ""),
    };
    let key = first.replace("~1", "/").replace("~0", "~");
    match fields.get_mut(&key)?.pointer_mut(rest)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slot(target: SlotTarget, at: usize, escaping: ValueEscaping) -> SecretSlot {
        SecretSlot {
            target,
            at,
            secret: "key".to_owned(),
            escaping,
        }
    }

    #[test]
    fn values_stand_where_their_slots_are() {
        let mut env = BTreeMap::from([("DSN".to_owned(), "user:@host/".to_owned())]);
        let Value::Object(mut fields) =
            json!({ "request": { "headers": { "a/b": "Bearer ." }, "body": "{\"k\":\"\"}" } })
        else {
            unreachable!("an object")
        };
        let slots = [
            slot(SlotTarget::Env("DSN".to_owned()), 5, ValueEscaping::AsIs),
            slot(SlotTarget::Env("DSN".to_owned()), 11, ValueEscaping::Percent),
            slot(
                SlotTarget::Field("/request/headers/a~1b".to_owned()),
                7,
                ValueEscaping::AsIs,
            ),
            slot(
                SlotTarget::Field("/request/body".to_owned()),
                6,
                ValueEscaping::Json,
            ),
        ];
        fill_secret_slots(&slots, |_| Some("a\"&"), &mut env, &mut fields).expect("all are there");
        assert_eq!(env["DSN"], "user:a\"&@host/a%22%26");
        assert_eq!(fields["request"]["headers"]["a/b"], "Bearer a\"&.");
        assert_eq!(fields["request"]["body"], r#"{"k":"a\"&"}"#);
    }

    #[test]
    fn a_slot_without_value_or_place_is_named() {
        let (mut env, mut fields) = (BTreeMap::from([("A".to_owned(), "ä".to_owned())]), Map::new());
        for (target, at, value) in [
            (SlotTarget::Env("A".to_owned()), 0, None),
            (SlotTarget::Env("A".to_owned()), 1, Some("canary")),
            (SlotTarget::Env("A".to_owned()), 9, Some("canary")),
            (SlotTarget::Env("B".to_owned()), 0, Some("canary")),
            (SlotTarget::Field("/run".to_owned()), 0, Some("canary")),
        ] {
            let slots = [slot(target, at, ValueEscaping::AsIs)];
            let error =
                fill_secret_slots(&slots, |_| value, &mut env, &mut fields).expect_err("it is not filled");
            assert_eq!(error.secret, "key");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
