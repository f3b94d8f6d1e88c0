//! How many instances of a workflow may be admitted at a time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::validator::{Path, Validator, named};
use crate::states::{UnknownName, named as named_set};

/// The most places of a workflow.
const MAX_PLACES: u32 = 10_000;

/// The most bytes of a `key` as it is written.
const MAX_KEY: usize = 1024;

const KEYS: &[&str] = &["limit", "strategy", "key"];

named_set!(
    /// What happens to an instance that has no place.
    ConcurrencyStrategy {
        /// It is queued until a place is free.
        Wait = "wait",
        /// It ends without having run.
        Discard = "discard",
        /// It takes the place of another, which is stopped.
        Replace = "replace",
    }
);

/// The rule of a workflow about how many of its instances may be admitted at a time. Its serde form is stored; documents
/// have their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcurrencyRule {
    /// The number of places for each value of `key`.
    pub limit: u32,
    /// What happens to an instance that has no place.
    pub strategy: ConcurrencyStrategy,
    /// A text with parameters that are known at the start; each value of it has places of its own.
    pub key: Option<String>,
}

/// Parses a rule.
pub(super) fn parse_concurrency(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> Option<ConcurrencyRule> {
    let map = validator.object(value, at, KEYS)?;
    let Some(limit) = map.get("limit") else {
        validator.missing(
            at,
            "limit",
            "it is the number of instances that may be admitted at a time",
        );
        return None;
    };
    let limit = validator.integer(limit, &at.key("limit"), (1, i64::from(MAX_PLACES)))?;
    let strategy = match map.get("strategy") {
        Some(value) => validator.choice(value, &at.key("strategy"), &strategies())?,
        None => ConcurrencyStrategy::Wait,
    };
    let key = match map.get("key") {
        Some(value) => Some(validator.scalar(value, &at.key("key"), MAX_KEY)?),
        None => None,
    };
    Some(ConcurrencyRule {
        limit: u32::try_from(limit).unwrap_or(MAX_PLACES),
        strategy,
        key,
    })
}

/// Writes a rule as documents have it.
pub(super) fn serialize_concurrency(rule: &ConcurrencyRule) -> Value {
    let mut map = Map::new();
    map.insert("limit".to_owned(), json!(rule.limit));
    if rule.strategy != ConcurrencyStrategy::Wait {
        map.insert("strategy".to_owned(), json!(rule.strategy));
    }
    if let Some(key) = &rule.key {
        map.insert("key".to_owned(), json!(key));
    }
    Value::Object(map)
}

/// Returns the JSON Schema of a rule.
pub(super) fn concurrency_schema() -> Value {
    json!({
        "type": "object",
        "description": "How many instances may be admitted at a time.",
        "required": ["limit"],
        "additionalProperties": false,
        "properties": {
            "limit": { "type": "integer", "minimum": 1, "maximum": MAX_PLACES },
            "strategy": { "enum": ConcurrencyStrategy::ALL, "default": ConcurrencyStrategy::Wait },
            "key": {
                "type": ["string", "number", "boolean"],
                "maxLength": MAX_KEY,
                "description": "A text with parameters; each value of it has places of its own.",
            },
        },
    })
}

fn strategies() -> Vec<(&'static str, ConcurrencyStrategy)> {
    named(ConcurrencyStrategy::ALL, ConcurrencyStrategy::as_str)
}
