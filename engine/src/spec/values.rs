//! Values of parameters and outputs: the text that the author wrote, checked against its declared type.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::limits::MAX_VALUE_BYTES;

/// The type of a value; values travel as text. Its serde form is the one between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// Any text.
    String,
    /// Digits, with a sign or without.
    Integer,
    /// Digits with a point or an exponent or neither.
    Number,
    /// `true` or `false`.
    Boolean,
    /// JSON text.
    Json,
    /// Any text, because no type is declared: expressions take one that looks so for a number or a truth value. Between
    /// nodes it is a string.
    #[serde(skip_deserializing, rename(serialize = "string"))]
    Untyped,
}

/// A stable code, and a readable text.
pub(crate) type ValueMistake = (&'static str, String);

/// Returns the text of a value: a scalar's own, an array or object as JSON.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Returns the type of a value that is given without one.
pub(crate) fn undeclared_type(value: &Value) -> ParamType {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => ParamType::Untyped,
        Value::Array(_) | Value::Object(_) => ParamType::Json,
    }
}

/// Returns the text of a value of this type. A text with a placeholder stands for a value that is known only when a
/// task starts.
pub(crate) fn typed_text(param_type: ParamType, value: &Value) -> Result<String, ValueMistake> {
    let text = value_text(value);
    match value {
        Value::Null => return Err(("BAD_TYPE", "a value is needed here, not nothing".to_owned())),
        Value::Array(_) | Value::Object(_) if param_type != ParamType::Json => {
            return Err(bad_type(param_type));
        }
        Value::String(_) if has_placeholder(&text) => check_text(&text)?,
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::String(_) => {
            check_value(param_type, &text)?;
        }
    }
    Ok(text)
}

/// Checks that a text is a value of this type.
pub(crate) fn check_value(param_type: ParamType, text: &str) -> Result<(), ValueMistake> {
    check_text(text)?;
    let fits = match param_type {
        ParamType::String | ParamType::Untyped => true,
        ParamType::Integer => is_integer(text),
        ParamType::Number => is_number(text),
        ParamType::Boolean => text == "true" || text == "false",
        ParamType::Json => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
    };
    if fits { Ok(()) } else { Err(bad_type(param_type)) }
}

/// Checks the rules for every value, whatever its type.
pub(crate) fn check_text(text: &str) -> Result<(), ValueMistake> {
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

fn bad_type(param_type: ParamType) -> ValueMistake {
    let wanted = match param_type {
        ParamType::String | ParamType::Untyped => "a text",
        ParamType::Integer => "a whole number",
        ParamType::Number => "a number",
        ParamType::Boolean => "`true` or `false`",
        ParamType::Json => "JSON",
    };
    ("BAD_TYPE", format!("the value is declared as {wanted}"))
}

fn has_placeholder(text: &str) -> bool {
    text.contains("${") || text.contains("$[")
}

/// Digits with a sign or without, any number of them.
fn is_integer(text: &str) -> bool {
    is_digits(strip_sign(text))
}

/// Digits with at most one point among them, and an exponent.
fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = match strip_sign(text).split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (strip_sign(text), None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    is_digits(&format!("{whole}{fraction}")) && exponent.is_none_or(is_integer)
}

fn strip_sign(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_declared_type_is_checked_and_keeps_the_text() {
        let cases = [
            (ParamType::Integer, "007", true),
            (ParamType::Integer, "-12345678901234567890123", true),
            (ParamType::Integer, "18446744073709551615", true),
            (ParamType::Integer, "1e3", false),
            (ParamType::Integer, "1.0", false),
            (ParamType::Integer, "", false),
            (ParamType::Integer, "+-1", false),
            (ParamType::Number, "1e3", true),
            (ParamType::Number, "3.10", true),
            (ParamType::Number, ".5", true),
            (ParamType::Number, "inf", false),
            (ParamType::Number, ".", false),
            (ParamType::Boolean, "true", true),
            (ParamType::Boolean, "True", false),
            (ParamType::Json, "[1, {}]", true),
            (ParamType::Json, "no", false),
        ];
        for (param_type, text, fits) in cases {
            let typed = typed_text(param_type, &json!(text));
            assert_eq!(
                typed.ok().as_deref(),
                fits.then_some(text),
                "{param_type:?} {text}"
            );
        }
    }

    #[test]
    fn a_list_is_json_and_a_placeholder_stands_for_any_type() {
        assert_eq!(
            typed_text(ParamType::Json, &json!([1, "a"])).unwrap(),
            r#"[1,"a"]"#
        );
        assert!(typed_text(ParamType::String, &json!([1])).is_err());
        assert_eq!(typed_text(ParamType::Integer, &json!("${n}")).unwrap(), "${n}");
    }

    proptest! {
        #[test]
        fn a_number_is_what_a_float_parses_but_words(text in "[-+.eE0-9]{0,12}|\\PC{0,8}") {
            let is_spelled_out = text.contains(|c: char| c.is_alphabetic() && !matches!(c, 'e' | 'E'));
            prop_assert_eq!(is_number(&text), !is_spelled_out && text.parse::<f64>().is_ok());
        }

        #[test]
        fn every_integer_is_a_number(text in "[-+]?[0-9]{0,40}") {
            let has_digit = text.contains(|c: char| c.is_ascii_digit());
            prop_assert_eq!(is_integer(&text), has_digit);
            prop_assert_eq!(is_number(&text), has_digit);
        }
    }
}
