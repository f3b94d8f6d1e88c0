//! Declared parameters with their values.

use serde_json::Value;

use super::limits::MAX_VALUE_BYTES;
use super::model::{Direction, Param};
use super::names;
use super::validator::{Path, Validator};
use super::values::{ParamType, check_text, typed_text, undeclared_type};

/// The most parameters of a workflow or a task.
const MAX_PARAMS: usize = 1_000;

/// Keys of a parameter in its long form.
pub(super) const KEYS: &[&str] = &["type", "direction", "value"];

/// Names of the types of parameters.
pub(crate) const TYPES: &[(&str, ParamType)] = &[
    ("string", ParamType::String),
    ("integer", ParamType::Integer),
    ("number", ParamType::Number),
    ("boolean", ParamType::Boolean),
    ("json", ParamType::Json),
];

const DIRECTIONS: &[(&str, Direction)] = &[("in", Direction::In), ("out", Direction::Out)];

/// Whose parameters are parsed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum ParamOwner {
    /// A value may be missing (the start gives it), and a direction may be `out`.
    Workflow,
    /// Inputs with a value only.
    Task,
}

/// Parses `params`.
pub(crate) fn parse(
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
            kind: undeclared_type(value),
            direction: Direction::In,
            value: parse_value(validator, undeclared_type(value), value, at),
        },
    };
    let is_valueless = match value {
        Value::Object(map) => map.get("value").is_none_or(Value::is_null),
        _ => false,
    };
    if scope == ParamOwner::Task && param.direction == Direction::Out {
        validator.invalid(
            &at.key("direction"),
            "BAD_VALUE",
            "declare what a task sets under its `outputs`",
        );
    } else if scope == ParamOwner::Task && is_valueless {
        validator.missing(at, "value", "a task's parameter has a value");
    }
    legal.then_some(param)
}

fn parse_long_form(validator: &mut Validator, name: &str, value: &Value, at: &Path<'_>) -> Option<Param> {
    let map = validator.object(value, at, KEYS)?;
    let given = map.get("value").filter(|value| !value.is_null());
    let kind = parse_type(validator, map.get("type"), given, at)?;
    let direction = match map.get("direction") {
        Some(direction) => validator.choice(direction, &at.key("direction"), DIRECTIONS)?,
        None => Direction::In,
    };
    Some(Param {
        name: name.to_owned(),
        kind,
        direction,
        value: given.and_then(|value| parse_value(validator, kind, value, &at.key("value"))),
    })
}

/// Parses the declared type, or infers it from the value.
pub(crate) fn parse_type(
    validator: &mut Validator,
    declared: Option<&Value>,
    given: Option<&Value>,
    at: &Path<'_>,
) -> Option<ParamType> {
    match declared {
        Some(declared) => validator.choice(declared, &at.key("type"), TYPES),
        None => Some(given.map_or(ParamType::Untyped, undeclared_type)),
    }
}

/// Parses the value of a parameter or the default of an output; `None` when it is wrong.
pub(crate) fn parse_value(
    validator: &mut Validator,
    kind: ParamType,
    value: &Value,
    at: &Path<'_>,
) -> Option<String> {
    match typed_text(kind, value) {
        Ok(text) => Some(text),
        Err((code, message)) => {
            validator.invalid(at, code, message);
            None
        }
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

/// Parses `env`.
pub(crate) fn parse_env(
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
