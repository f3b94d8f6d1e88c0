//! `on_cut_off` of a task: `continue`, `exclusive`, or `{ stop_after: 5m }`.

use serde_json::{Value, json};

use super::duration;
use super::reader::{Path, Reader};
use crate::definition::OnCutOff;

/// The one key of the long form.
const STOP_AFTER: &str = "stop_after";

/// Masters greet a worker once a second; less than this would mistake a hiccup for a cut.
const SHORTEST_MS: i64 = 5_000;

/// Reads the policy; the default when something is wrong.
pub(super) fn read(reader: &mut Reader, value: &Value, at: &Path<'_>) -> OnCutOff {
    match value {
        Value::String(text) if text == "continue" => OnCutOff::Continue,
        Value::String(text) if text == "exclusive" => OnCutOff::Exclusive,
        Value::Object(_) => stop_after(reader, value, at).unwrap_or_default(),
        Value::String(_) => {
            let message =
                format!("{value} is not one of continue, exclusive; or write {{ {STOP_AFTER}: 5m }}");
            reader.wrong(at, "BAD_VALUE", message);
            OnCutOff::Continue
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            reader.bad_type(value, at, "`continue`, `exclusive` or { stop_after: 5m }");
            OnCutOff::Continue
        }
    }
}

fn stop_after(reader: &mut Reader, value: &Value, at: &Path<'_>) -> Option<OnCutOff> {
    let map = reader.object(value, at, &[STOP_AFTER])?;
    let Some(value) = map.get(STOP_AFTER) else {
        reader.missing(at, STOP_AFTER, "it is a duration, for example 5m");
        return None;
    };
    let at = at.key(STOP_AFTER);
    let ms = reader.duration(value, &at)?;
    if ms < SHORTEST_MS {
        let shortest = duration::show(SHORTEST_MS);
        let message =
            format!("a worker hears of its masters once a second: write {shortest} or more, or `exclusive`");
        reader.wrong(&at, "OUT_OF_RANGE", message);
    }
    Some(OnCutOff::StopAfter { ms })
}

/// Writes the policy, unless it is the default.
pub(super) fn write(policy: OnCutOff) -> Option<Value> {
    match policy {
        OnCutOff::Continue => None,
        OnCutOff::Exclusive => Some(json!("exclusive")),
        OnCutOff::StopAfter { ms } => Some(json!({ STOP_AFTER: duration::show(ms) })),
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
mod tests {
    use super::*;
    use crate::document;

    fn with(policy: Value) -> Value {
        json!({
            "version": 1, "name": "w",
            "tasks": { "t": { "type": "noop", "on_cut_off": policy } },
        })
    }

    fn refusal(policy: Value) -> (String, &'static str, String) {
        let mut all = document::read(&with(policy)).expect_err("it is wrong");
        assert_eq!(all.len(), 1, "{all:?}");
        let issue = all.remove(0);
        (issue.pointer, issue.code, issue.message)
    }

    #[test]
    fn each_form_is_read_and_written_back_and_the_default_is_left_out() {
        let forms = [
            (json!("continue"), OnCutOff::Continue, Value::Null),
            (json!("exclusive"), OnCutOff::Exclusive, json!("exclusive")),
            (
                json!({ "stop_after": "300s" }),
                OnCutOff::StopAfter { ms: 300_000 },
                json!({ "stop_after": "5m" }),
            ),
        ];
        for (form, meaning, written) in forms {
            let definition = document::read(&with(form)).unwrap();
            assert_eq!(definition.tasks[0].on_cut_off, meaning);
            let task = document::write(&definition)["tasks"]["t"].clone();
            assert_eq!(task["on_cut_off"], written);
        }
        let without = json!({ "version": 1, "name": "w", "tasks": { "t": { "type": "noop" } } });
        let definition = document::read(&without).unwrap();
        assert_eq!(definition.tasks[0].on_cut_off, OnCutOff::Continue);
    }

    #[test]
    fn anything_else_is_refused_with_its_place_and_what_to_write() {
        let at = "/tasks/t/on_cut_off";
        let wrong = [
            (json!("stop"), at.to_owned(), "BAD_VALUE", "stop_after: 5m"),
            (json!(true), at.to_owned(), "BAD_TYPE", "`exclusive`"),
            (json!({}), format!("{at}/stop_after"), "MISSING", "5m"),
            (
                json!({ "stop_after": "5m", "then": 1 }),
                format!("{at}/then"),
                "UNKNOWN_KEY",
                "stop_after",
            ),
            (
                json!({ "stop_after": 300 }),
                format!("{at}/stop_after"),
                "BAD_DURATION",
                "10m",
            ),
            (
                json!({ "stop_after": "1s" }),
                format!("{at}/stop_after"),
                "OUT_OF_RANGE",
                "5s or more",
            ),
        ];
        for (policy, pointer, code, help) in wrong {
            let (found, found_code, message) = refusal(policy.clone());
            assert_eq!((found, found_code), (pointer, code), "{policy}");
            assert!(message.contains(help), "{policy}: {message}");
        }
    }
}
