//! The values of fields that start other workflows: parameters, and lists of them.

use serde_json::{Map, Value, json};

use crate::spec::limits::MAX_VALUE_BYTES;
use crate::spec::validator::{Path, Validator};
use crate::spec::values::value_text;

/// The most parameters of one start.
const MAX_PARAMS: usize = 1_000;

/// The most names whose values are combined.
const MAX_NAMES: usize = 100;

/// The most values of one name, and the most that are left out.
const MAX_VALUES: usize = 10_000;

/// The most bytes of a separator.
const MAX_SEPARATOR_BYTES: usize = 100;

/// Parses parameters of a start: names with values of any type.
pub(super) fn parse_params(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> Option<Map<String, Value>> {
    let map = validator.map(value, at)?;
    validator.at_most(map.len(), MAX_PARAMS, at).then_some(())?;
    let mut params = Map::new();
    for (name, value) in map {
        let at = at.key(name);
        if validator.param_name(name, &at) && is_param_value(validator, value, &at) {
            params.insert(name.clone(), value.clone());
        }
    }
    Some(params)
}

/// Parses names with the values that they take in turn: a list, or a text.
pub(super) fn parse_lists(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> Option<Map<String, Value>> {
    let map = validator.map(value, at)?;
    validator.at_most(map.len(), MAX_NAMES, at).then_some(())?;
    if map.is_empty() {
        validator.invalid(at, "MISSING", "name at least one parameter with its values");
        return None;
    }
    let mut lists = Map::new();
    for (name, value) in map {
        let at = at.key(name);
        if !validator.param_name(name, &at) {
            continue;
        }
        match value {
            Value::Array(list) => {
                validator.at_most(list.len(), MAX_VALUES, &at);
                for (place, value) in list.iter().enumerate() {
                    is_param_value(validator, value, &at.index(place));
                }
                lists.insert(name.clone(), value.clone());
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {
                let text = validator.scalar(value, &at, MAX_VALUE_BYTES)?;
                lists.insert(name.clone(), Value::from(text));
            }
            Value::Null | Value::Object(_) => {
                validator.bad_type(value, &at, "a list of values, or a text that holds some,");
            }
        }
    }
    Some(lists)
}

/// Parses a list of texts.
pub(super) fn parse_texts(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Vec<Value>> {
    let list = validator.list(value, at, MAX_VALUES)?;
    let texts = list.iter().enumerate();
    texts
        .map(|(place, value)| {
            validator
                .scalar(value, &at.index(place), MAX_VALUE_BYTES)
                .map(Value::from)
        })
        .collect()
}

/// Parses the text between the parts of another one.
pub(super) fn parse_separator(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = validator.short_text(value, at, MAX_SEPARATOR_BYTES)?;
    if text.is_empty() {
        validator.invalid(at, "MISSING", "a separator has at least one character");
        return None;
    }
    Some(text)
}

fn is_param_value(validator: &mut Validator, value: &Value, at: &Path<'_>) -> bool {
    if value.is_null() {
        validator.bad_type(value, at, "a value");
        return false;
    }
    let bytes = value_text(value).len();
    if bytes > MAX_VALUE_BYTES {
        let message = format!("it has {bytes} bytes, at most {MAX_VALUE_BYTES} are allowed");
        validator.invalid(at, "TOO_LARGE", message);
    }
    bytes <= MAX_VALUE_BYTES
}

/// Returns the JSON Schema of parameters of a start.
pub(super) fn params_schema() -> Value {
    json!({ "type": "object", "maxProperties": MAX_PARAMS, "additionalProperties": param_schema() })
}

/// Returns the JSON Schema of names with their values.
pub(super) fn lists_schema() -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": MAX_NAMES,
        "additionalProperties": {
            "oneOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "array", "maxItems": MAX_VALUES, "items": param_schema() },
            ],
        },
    })
}

/// Returns the JSON Schema of a list of texts.
pub(super) fn texts_schema() -> Value {
    json!({
        "type": "array",
        "maxItems": MAX_VALUES,
        "items": { "type": ["string", "number", "boolean"] },
    })
}

fn param_schema() -> Value {
    json!({ "type": ["string", "number", "boolean", "array", "object"] })
}
