//! The values of texts in expressions.

use minijinja::Value;
use serde_json::Value as Json;

use crate::spec::values::ParamType;

/// The most digits before the point of a text that is taken for a number.
const MAX_WHOLE_DIGITS: usize = 15;

/// Returns the value of a text by its declared type; texts without one that look so are numbers and truth values. A text
/// that does not fit its type stays a text.
pub(crate) fn typed_value(declared: ParamType, text: &str) -> Value {
    let value = match declared {
        ParamType::Untyped => untyped_value(text),
        ParamType::String => None,
        ParamType::Integer | ParamType::Number => number(text),
        ParamType::Boolean => truth_value(text),
        ParamType::Json => serde_json::from_str(text).ok().map(json_value),
    };
    value.unwrap_or_else(|| Value::from(text))
}

fn untyped_value(text: &str) -> Option<Value> {
    if looks_like_number(text) {
        return number(text);
    }
    truth_value(text)
}

fn truth_value(text: &str) -> Option<Value> {
    match text {
        "true" => Some(Value::from(true)),
        "false" => Some(Value::from(false)),
        _ => None,
    }
}

/// Whether a text is `-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?`.
fn looks_like_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
    is_digits(whole) && whole.len() <= MAX_WHOLE_DIGITS && !has_leading_zero && fraction.is_none_or(is_digits)
}

fn number(text: &str) -> Option<Value> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(integer) = text.parse::<i64>() {
        return Some(Value::from(integer));
    }
    if let Ok(integer) = text.parse::<i128>() {
        return Some(Value::from(integer));
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then(|| Value::from(number))
}

/// Turns JSON into a value; by hand, since its numbers keep their texts.
pub(crate) fn json_value(json: Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(truth),
        Json::Number(digits) => {
            let text = digits.to_string();
            number(&text).unwrap_or_else(|| Value::from(text))
        }
        Json::String(text) => Value::from(text),
        Json::Array(list) => list.into_iter().map(json_value).collect(),
        Json::Object(map) => Value::from_pairs(map.into_iter().map(|(key, value)| (key, json_value(value)))),
    }
}
