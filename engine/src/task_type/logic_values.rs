//! The values of fields that choose tasks.

use serde_json::{Map, Value, json};

use super::task_result::TaskResult;
use crate::expression::{Expression, MAX_EXPRESSION_BYTES};
use crate::spec::limits::MAX_TASKS;
use crate::spec::names;
use crate::spec::validator::{Path, Validator, named};

/// The deepest nesting of `all` and `any`.
const MAX_NESTING: usize = 16;

/// The most cases of a switch, and the most entries of one `all` or `any`.
const MAX_ENTRIES: usize = 1_000;

/// Keys of a case.
const CASE_KEYS: &[&str] = &["when", "then"];

/// Keys of a condition about one task.
const TASK_KEYS: &[&str] = &["task", "is"];

/// Parses an expression whose result is a truth value.
pub(crate) fn parse_expression(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = validator.scalar(value, at, MAX_EXPRESSION_BYTES)?;
    match Expression::parse(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            validator.invalid(at, "INVALID_EXPRESSION", error.to_string());
            None
        }
    }
}

/// Returns the JSON Schema of an expression.
pub(crate) fn expression_schema(description: &str) -> Value {
    json!({
        "type": ["string", "boolean"],
        "maxLength": MAX_EXPRESSION_BYTES,
        "description": description,
    })
}

/// Parses one name or a list of names.
pub(super) fn parse_task_names(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Value> {
    let single = [value.clone()];
    let list = match value {
        Value::Array(list) => list.as_slice(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => &single,
    };
    if !validator.at_most(list.len(), MAX_TASKS, at) {
        return None;
    }
    let mut found: Vec<String> = Vec::new();
    for (place, entry) in list.iter().enumerate() {
        let inner = at.index(place);
        let at = if value.is_array() { &inner } else { at };
        let name = validator.scalar(entry, at, names::MAX_CHARS * 4)?;
        if found.contains(&name) {
            validator.invalid(at, "DUPLICATE_VALUE", format!("`{name}` is listed twice"));
        }
        found.push(name);
    }
    Some(json!(found))
}

/// Returns the JSON Schema of one name or a list of names.
pub(super) fn task_names_schema() -> Value {
    let name = json!({ "type": ["string", "number", "boolean"], "description": "A task." });
    json!({ "oneOf": [name, { "type": "array", "items": name, "uniqueItems": true }] })
}

/// Parses the cases of a switch.
pub(super) fn parse_cases(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Value> {
    let list = validator.list(value, at, MAX_ENTRIES)?;
    let mut cases = Vec::new();
    for (place, case) in list.iter().enumerate() {
        cases.push(parse_case(validator, case, &at.index(place)));
    }
    cases.into_iter().collect::<Option<Vec<Value>>>().map(Value::from)
}

fn parse_case(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Value> {
    let map = validator.object(value, at, CASE_KEYS)?;
    let when = match map.get("when") {
        Some(when) => parse_expression(validator, when, &at.key("when")),
        None => {
            validator.missing(at, "when", "it is an expression, like `rows > 0`");
            None
        }
    };
    let then = match map.get("then") {
        Some(then) => parse_task_names(validator, then, &at.key("then")),
        None => {
            validator.missing(
                at,
                "then",
                "it names the tasks that the case chooses, [] for nothing",
            );
            None
        }
    };
    Some(json!({ "when": when?, "then": then? }))
}

/// Returns the JSON Schema of the cases of a switch.
pub(super) fn cases_schema() -> Value {
    json!({
        "type": "array",
        "maxItems": MAX_ENTRIES,
        "items": {
            "type": "object",
            "required": CASE_KEYS,
            "additionalProperties": false,
            "properties": {
                "when": expression_schema("An expression; the first case that is true counts."),
                "then": task_names_schema(),
            },
        },
    })
}

/// Parses the entries of `all` or `any`.
pub(super) fn parse_conditions(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Value> {
    parse_nested(validator, value, at, 1)
}

fn parse_nested(validator: &mut Validator, value: &Value, at: &Path<'_>, depth: usize) -> Option<Value> {
    let list = validator.list(value, at, MAX_ENTRIES)?;
    if list.is_empty() {
        validator.invalid(
            at,
            "MISSING",
            "list at least one condition, like { task: load, is: succeeded }",
        );
        return None;
    }
    if depth > MAX_NESTING {
        validator.invalid(
            at,
            "TOO_DEEP",
            format!("`all` and `any` are nested more than {MAX_NESTING} levels deep"),
        );
        return None;
    }
    let mut entries = Vec::new();
    for (place, entry) in list.iter().enumerate() {
        entries.push(parse_entry(validator, entry, &at.index(place), depth));
    }
    entries
        .into_iter()
        .collect::<Option<Vec<Value>>>()
        .map(Value::from)
}

fn parse_entry(validator: &mut Validator, value: &Value, at: &Path<'_>, depth: usize) -> Option<Value> {
    let map = validator.map(value, at)?;
    for key in ["all", "any"] {
        if let Some(nested) = map.get(key) {
            validator.check_keys(map.keys(), at, &[key]);
            let nested = parse_nested(validator, nested, &at.key(key), depth + 1)?;
            return Some(json!({ key: nested }));
        }
    }
    validator.check_keys(map.keys(), at, TASK_KEYS);
    parse_task_condition(validator, map, at)
}

fn parse_task_condition(validator: &mut Validator, map: &Map<String, Value>, at: &Path<'_>) -> Option<Value> {
    let (task, is) = (map.get("task"), map.get("is"));
    if task.is_none() {
        validator.missing(at, "task", "it names a task that this one needs");
    }
    if is.is_none() {
        validator.missing(at, "is", "it is one of succeeded, failed, skipped");
    }
    let name = validator.scalar(task?, &at.key("task"), names::MAX_CHARS * 4);
    let all = named(TaskResult::ALL, TaskResult::as_str);
    let is = validator.choice(is?, &at.key("is"), &all)?;
    Some(json!({ "task": name?, "is": is }))
}

/// Returns the JSON Schema of the entries of `all` or `any`; nested ones are described loosely.
pub(super) fn conditions_schema() -> Value {
    let task = json!({
        "type": "object",
        "required": TASK_KEYS,
        "additionalProperties": false,
        "properties": {
            "task": { "type": ["string", "number", "boolean"], "description": "A task that this one needs." },
            "is": { "enum": TaskResult::ALL },
        },
    });
    let nested = |key: &str| {
        json!({
            "type": "object",
            "required": [key],
            "additionalProperties": false,
            "properties": { key: { "type": "array", "minItems": 1, "maxItems": MAX_ENTRIES, "items": { "type": "object" } } },
        })
    };
    json!({
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_ENTRIES,
        "items": { "oneOf": [task, nested("all"), nested("any")] },
    })
}
