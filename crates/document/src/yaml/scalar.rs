//! Scalars of the YAML 1.2 core schema.

use saphyr_parser::{ScalarStyle, Tag};
use serde_json::Value;

use crate::number::parse_number;

/// The code and the message of a diagnostic.
type Mistake = (&'static str, String);

/// Parses a scalar: only a plain one can be anything but text, and `no` is a text.
pub(super) fn parse_scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Mistake> {
    let Some(tag) = tag else {
        return Ok(match style {
            ScalarStyle::Plain => parse_plain(text),
            ScalarStyle::SingleQuoted
            | ScalarStyle::DoubleQuoted
            | ScalarStyle::Literal
            | ScalarStyle::Folded => Value::from(text),
        });
    };
    match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => Ok(Value::from(text)),
        (true, "int" | "float" | "bool" | "null") => Ok(parse_plain(text)),
        (false, "") if tag.handle.is_empty() || tag.handle == "!" => Ok(Value::from(text)),
        _ => Err(("UNKNOWN_TAG", format!("the tag `{tag}` means nothing here"))),
    }
}

/// Parses a plain scalar, so that its text is kept: numbers and truth values that JSON writes in another way
/// (`007`, `0x1F`, `True`) are texts.
fn parse_plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => parse_number(text).unwrap_or_else(|| Value::from(text)),
    }
}
