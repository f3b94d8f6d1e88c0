//! `limits` of a task: the named limits whose slots it holds while it runs.

use serde_json::{Value, json};

use super::model::LimitUse;
use super::names;
use super::validator::{Path, Validator};

/// The most limits of one task.
const MAX_LIMITS: usize = 10;

/// The most slots of a limit.
pub const MAX_LIMIT_SLOTS: u32 = 10_000;

/// Keys of a limit in its long form.
const KEYS: &[&str] = &["name", "slots"];

/// Reads the list; what is wrong is left out.
pub(super) fn parse(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Vec<LimitUse> {
    let mut limits: Vec<LimitUse> = Vec::new();
    let Some(list) = validator.list(value, at, MAX_LIMITS) else {
        return limits;
    };
    for (place, value) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(limit) = parse_limit(validator, value, &at) else {
            continue;
        };
        if limits.iter().any(|other| other.name == limit.name) {
            validator.invalid(
                &at,
                "DUPLICATE_VALUE",
                format!("the limit `{}` is listed twice", limit.name),
            );
        } else {
            limits.push(limit);
        }
    }
    limits
}

/// Reads a name, or a name with slots.
fn parse_limit(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<LimitUse> {
    if !value.is_object() {
        return Some(LimitUse {
            name: validator.name(value, at)?,
            slots: 1,
        });
    }
    let map = validator.object(value, at, KEYS)?;
    let slots = match map.get("slots") {
        Some(slots) => validator.integer(slots, &at.key("slots"), (1, i64::from(MAX_LIMIT_SLOTS))),
        None => Some(1),
    };
    let Some(name) = map.get("name") else {
        validator.missing(at, "name", "it is the name of the limit");
        return None;
    };
    Some(LimitUse {
        name: validator.name(name, &at.key("name"))?,
        slots: u32::try_from(slots?).ok()?,
    })
}

/// Writes the list: the name alone where one slot is used.
pub(super) fn serialize(limits: &[LimitUse]) -> Vec<Value> {
    let entry = |limit: &LimitUse| match limit.slots {
        1 => json!(limit.name),
        slots => json!({ "name": limit.name, "slots": slots }),
    };
    limits.iter().map(entry).collect()
}

/// Returns the JSON Schema.
pub(super) fn schema() -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": names::MAX_CHARS });
    json!({
        "type": "array",
        "description": "Named limits whose slots it holds while it runs.",
        "maxItems": MAX_LIMITS,
        "items": {
            "oneOf": [
                name,
                {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": false,
                    "properties": {
                        "name": name,
                        "slots": { "type": "integer", "minimum": 1, "maximum": MAX_LIMIT_SLOTS, "default": 1 },
                    },
                },
            ],
        },
    })
}
