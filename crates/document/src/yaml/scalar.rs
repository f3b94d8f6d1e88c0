//! Scalars of the YAML 1.2 core schema.

use saphyr_parser::{ScalarStyle, Tag};
use serde_json::Value;

/// The code and the message of a diagnostic.
type Mistake = (&'static str, String);

/// Parses a scalar: only a plain one can be anything but text, and `no` is a text.
pub(super) fn parse_scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Mistake> {
    let Some(tag) = tag else {
        return match style {
            ScalarStyle::Plain => parse_plain(text),
            ScalarStyle::SingleQuoted
            | ScalarStyle::DoubleQuoted
            | ScalarStyle::Literal
            | ScalarStyle::Folded => Ok(Value::from(text)),
        };
    };
    match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => Ok(Value::from(text)),
        (true, "int" | "float" | "bool" | "null") => parse_plain(text),
        (false, "") if tag.handle.is_empty() || tag.handle == "!" => Ok(Value::from(text)),
        _ => Err(("UNKNOWN_TAG", format!("the tag `{tag}` means nothing here"))),
    }
}

fn parse_plain(text: &str) -> Result<Value, Mistake> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err((
            "BAD_VALUE",
            format!("`{text}` is not a number that JSON can carry; quote it"),
        ));
    }
    Ok(parse_integer(text, unsigned)
        .or_else(|| parse_float(text, unsigned))
        .unwrap_or_else(|| Value::from(text)))
}

fn parse_integer(text: &str, unsigned: &str) -> Option<Value> {
    let parse_radix = |digits: &str, radix: u32| {
        let legal = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        legal.then(|| u64::from_str_radix(digits, radix).ok().map(Value::from))?
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return parse_radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return parse_radix(digits, 16);
    }
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = text.strip_prefix('+').unwrap_or(text);
    let small = number.parse::<i64>().map(Value::from);
    small.or_else(|_| number.parse::<u64>().map(Value::from)).ok()
}

/// Parses `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, but no whole number: one that is too
/// large for 64 bits stays a text, so that no digit is lost.
fn parse_float(text: &str, unsigned: &str) -> Option<Value> {
    let is_float = unsigned.contains(['.', 'e', 'E']);
    let legal = unsigned
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !is_float || !legal || !starts {
        return None;
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
    serde_json::Number::from_f64(number).map(Value::Number)
}
