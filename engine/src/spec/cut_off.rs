//! `on_cut_off` of a task: `continue`, `exclusive`, or `{ stop_after: 5m }`.

use serde_json::{Value, json};

use super::duration::HumanDuration;
use super::model::OnCutOff;
use super::validator::{Path, Validator};

/// The one key of the long form.
const STOP_AFTER: &str = "stop_after";

/// Masters poll a worker once a second; less than this would mistake a hiccup for a cut.
const SHORTEST_MS: i64 = 5_000;

/// Reads the policy; the default when something is wrong.
pub(super) fn parse(validator: &mut Validator, value: &Value, at: &Path<'_>) -> OnCutOff {
    match value {
        Value::String(text) if text == "continue" => OnCutOff::Continue,
        Value::String(text) if text == "exclusive" => OnCutOff::Exclusive,
        Value::Object(_) => stop_after(validator, value, at).unwrap_or_default(),
        Value::String(_) => {
            let message =
                format!("{value} is not one of continue, exclusive; or write {{ {STOP_AFTER}: 5m }}");
            validator.invalid(at, "BAD_VALUE", message);
            OnCutOff::Continue
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            validator.bad_type(value, at, "`continue`, `exclusive` or { stop_after: 5m }");
            OnCutOff::Continue
        }
    }
}

fn stop_after(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<OnCutOff> {
    let map = validator.object(value, at, &[STOP_AFTER])?;
    let Some(value) = map.get(STOP_AFTER) else {
        validator.missing(at, STOP_AFTER, "it is a duration, for example 5m");
        return None;
    };
    let at = at.key(STOP_AFTER);
    let ms = validator.duration(value, &at)?;
    if ms < SHORTEST_MS {
        let shortest = HumanDuration(SHORTEST_MS);
        let message =
            format!("masters contact a worker once a second: write {shortest} or more, or `exclusive`");
        validator.invalid(&at, "OUT_OF_RANGE", message);
    }
    Some(OnCutOff::StopAfter { ms })
}

/// Writes the policy, unless it is the default.
pub(super) fn serialize(policy: OnCutOff) -> Option<Value> {
    match policy {
        OnCutOff::Continue => None,
        OnCutOff::Exclusive => Some(json!("exclusive")),
        OnCutOff::StopAfter { ms } => Some(json!({ STOP_AFTER: HumanDuration(ms).to_string() })),
    }
}

/// Returns the JSON Schema; `span` is that of a duration.
pub(super) fn schema(span: Value) -> Value {
    json!({
        "description": "What its worker does with a running attempt when it is cut off.",
        "default": "continue",
        "oneOf": [
            { "enum": ["continue", "exclusive"] },
            {
                "type": "object",
                "required": [STOP_AFTER],
                "additionalProperties": false,
                "properties": { STOP_AFTER: span },
            },
        ],
    })
}

#[cfg(test)]
mod tests;
