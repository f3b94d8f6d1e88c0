//! Another value for a text at the top of a document, in a text that otherwise stays as its author wrote it.

use serde_json::Value;

use crate::parser::{Format, find_position, parse_value};
use crate::yaml_writer::to_yaml;

/// Replaces the text of a member at the top of a document; comments and layout stay where that is possible.
///
/// Without such a member, or in a text that cannot be parsed, nothing changes.
pub fn set_text_member(source: &str, format: Format, member: &str, text: &str) -> String {
    let Ok(mut value) = parse_value(source.as_bytes(), format) else {
        return source.to_owned();
    };
    let Some(Value::String(old)) = value.get(member).cloned() else {
        return source.to_owned();
    };
    if old == text {
        return source.to_owned();
    }
    value[member] = Value::from(text);
    match format {
        Format::Json => format!("{value:#}\n"),
        Format::Yaml => replace_scalar(source, member, &old, text)
            // An anchor, a tag or an escape: the value itself is all that can be kept.
            .filter(|replaced| parse_value(replaced.as_bytes(), format).as_ref() == Ok(&value))
            .or_else(|| to_yaml(&value).ok())
            .unwrap_or_else(|| source.to_owned()),
    }
}

/// Replaces the scalar of a member where it stands plain or in simple quotes.
fn replace_scalar(source: &str, member: &str, old: &str, text: &str) -> Option<String> {
    let (line, column) = find_position(source.as_bytes(), Format::Yaml, &format!("/{member}"))?;
    let start = byte_offset(source, line, column)?;
    let rest = source.get(start..)?;
    let notations = [old.to_owned(), format!("\"{old}\""), format!("'{old}'")];
    let length = notations
        .iter()
        .find(|notation| rest.starts_with(notation.as_str()))?
        .len();
    let (before, after) = (&source[..start], &rest[length..]);
    Some(format!("{before}{}{after}", Value::from(text)))
}

/// Finds the byte at a line and a column in characters, both from 1.
fn byte_offset(source: &str, line: u32, column: u32) -> Option<usize> {
    let mark = if source.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let lines_before = usize::try_from(line).ok()?.checked_sub(1)?;
    let start: usize = source[mark..]
        .split_inclusive('\n')
        .take(lines_before)
        .map(str::len)
        .sum();
    let start = mark + start;
    let characters = usize::try_from(column).ok()?.checked_sub(1)?;
    let (offset, _) = source.get(start..)?.char_indices().nth(characters)?;
    Some(start + offset)
}

#[cfg(test)]
mod tests;
