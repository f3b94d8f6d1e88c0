//! Declared parameters with their values.

use serde_json::Value;

use super::limits::MAX_VALUE_BYTES;
use super::model::{Direction, Param, ParamType};
use super::names;
use super::validator::{Path, Validator};

/// The most parameters of a workflow or a task.
const MAX_PARAMS: usize = 1_000;

/// Keys of a parameter in its long form.
pub(super) const KEYS: &[&str] = &["type", "direction", "value"];

/// Names of the types of parameters.
pub(super) const TYPES: &[(&str, ParamType)] = &[
    ("string", ParamType::String),
    ("integer", ParamType::Integer),
    ("number", ParamType::Number),
    ("boolean", ParamType::Boolean),
    ("json", ParamType::Json),
];

const DIRECTIONS: &[(&str, Direction)] = &[("in", Direction::In), ("out", Direction::Out)];

/// Whose parameters are parsed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum ParamOwner {
    /// A value may be missing (the start gives it), and a direction may be `out`.
    Workflow,
    /// Inputs with a value only.
    Task,
}

/// Parses `params`.
pub(super) fn parse(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    scope: ParamOwner,
) -> Vec<Param> {
    let Some(map) = validator.map(value, at) else {
        return Vec::new();
    };
    if !validator.at_most(map.len(), MAX_PARAMS, at) {
        return Vec::new();
    }
    map.iter()
        .filter_map(|(name, value)| parse_param(validator, name, value, &at.key(name), scope))
        .collect()
}

fn parse_param(
    validator: &mut Validator,
    name: &str,
    value: &Value,
    at: &Path<'_>,
    scope: ParamOwner,
) -> Option<Param> {
    let legal = validator.param_name(name, at);
    let param = match value {
        Value::Object(_) => parse_long_form(validator, name, value, at)?,
        Value::Null => {
            validator.invalid(
                at,
                "BAD_TYPE",
                "a value is needed here; write { type: string } for one that the start gives",
            );
            return None;
        }
        _ => Param {
            name: name.to_owned(),
            kind: kind_of(value),
            direction: Direction::In,
            value: Some(value.clone()),
        },
    };
    if scope == ParamOwner::Task && param.direction == Direction::Out {
        validator.invalid(
            &at.key("direction"),
            "BAD_VALUE",
            "declare what a task sets under its `outputs`",
        );
    } else if scope == ParamOwner::Task && param.value.is_none() {
        validator.missing(at, "value", "a task's parameter has a value");
    }
    if value.is_object() {
        check_default(validator, &param, &at.key("value"));
    } else {
        check_default(validator, &param, at);
    }
    legal.then_some(param)
}

fn parse_long_form(validator: &mut Validator, name: &str, value: &Value, at: &Path<'_>) -> Option<Param> {
    let map = validator.object(value, at, KEYS)?;
    let given = map.get("value").filter(|value| !value.is_null());
    let kind = match map.get("type") {
        Some(kind) => validator.choice(kind, &at.key("type"), TYPES)?,
        None => given.map_or(ParamType::String, kind_of),
    };
    let direction = match map.get("direction") {
        Some(direction) => validator.choice(direction, &at.key("direction"), DIRECTIONS)?,
        None => Direction::In,
    };
    Some(Param {
        name: name.to_owned(),
        kind,
        direction,
        value: given.cloned(),
    })
}

fn check_default(validator: &mut Validator, param: &Param, at: &Path<'_>) {
    let Some(value) = &param.value else { return };
    let holds_placeholder = value
        .as_str()
        .is_some_and(|text| text.contains("${") || text.contains("$["));
    let checked = if holds_placeholder {
        check_text(value.as_str().unwrap_or_default())
    } else {
        check_value(param.kind, value)
    };
    if let Err((code, message)) = checked {
        validator.invalid(at, code, message);
    }
}

pub(super) fn kind_of(value: &Value) -> ParamType {
    match value {
        Value::Null | Value::String(_) => ParamType::String,
        Value::Bool(_) => ParamType::Boolean,
        Value::Number(number) if number.is_f64() => ParamType::Number,
        Value::Number(_) => ParamType::Integer,
        Value::Array(_) | Value::Object(_) => ParamType::Json,
    }
}

/// Returns a parameter's value as the text in which it travels.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Checks a parameter that stands outside a document, such as a project's.
///
/// # Errors
/// A stable code, and a readable text that says what is wrong with its name or its value.
pub fn check_external_param(name: &str, value: &str) -> Result<(), (&'static str, String)> {
    names::check_declared(name)?;
    check_text(value)
}

/// Checks that a value, or a text that stands for it, is of its declared type.
pub(crate) fn check_value(kind: ParamType, value: &Value) -> Result<(), (&'static str, String)> {
    let text = value_text(value);
    check_text(&text)?;
    let fits = match kind {
        ParamType::String => !value.is_object() && !value.is_array(),
        ParamType::Integer => text.parse::<i64>().is_ok(),
        ParamType::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
        ParamType::Boolean => text == "true" || text == "false",
        ParamType::Json => serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(),
    };
    if fits {
        return Ok(());
    }
    let wanted = match kind {
        ParamType::String => "a text",
        ParamType::Integer => "a whole number",
        ParamType::Number => "a number",
        ParamType::Boolean => "`true` or `false`",
        ParamType::Json => "JSON",
    };
    Err(("BAD_TYPE", format!("the parameter is declared as {wanted}")))
}

/// Checks what every value must keep, whatever its type.
pub(crate) fn check_text(text: &str) -> Result<(), (&'static str, String)> {
    if text.len() > MAX_VALUE_BYTES {
        let message = format!(
            "the value has {} bytes, at most {MAX_VALUE_BYTES} are allowed",
            text.len()
        );
        return Err(("TOO_LARGE", message));
    }
    if text.contains('\0') {
        let message = "the value holds a zero byte, which no environment can carry".to_owned();
        return Err(("BAD_VALUE", message));
    }
    Ok(())
}

/// Parses `env`.
pub(super) fn parse_env(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> std::collections::BTreeMap<String, String> {
    let mut env = std::collections::BTreeMap::new();
    let Some(map) = validator.map(value, at) else {
        return env;
    };
    if !validator.at_most(map.len(), MAX_PARAMS, at) {
        return env;
    }
    for (name, value) in map {
        let at = at.key(name);
        if !names::is_identifier(name) {
            validator.invalid_key(
                &at,
                "BAD_NAME",
                format!(
                    "`{name}` is not a variable name: use ASCII letters, digits and `_`, not a digit first"
                ),
            );
        } else if name.starts_with(names::SYSTEM_PREFIX) {
            let message = format!(
                "`{name}` is refused: names with `{}` belong to the system",
                names::SYSTEM_PREFIX
            );
            validator.invalid_key(&at, "FORBIDDEN_NAME", message);
        } else if let Some(text) = validator.scalar(value, &at, MAX_VALUE_BYTES) {
            if let Err((code, message)) = check_text(&text) {
                validator.invalid(&at, code, message);
            }
            env.insert(name.clone(), text);
        }
    }
    env
}
