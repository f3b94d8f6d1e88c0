//! Documents as the parts of one YAML stream.

use crate::parser::{Format, parse_value};
use crate::yaml_writer::to_yaml;

/// The line before a document in a stream.
const MARKER: &str = "---";

/// Returns a document as a part of a YAML stream: its marker line, then its text.
///
/// The text of YAML stays, apart from a marker of its own. JSON becomes YAML, and so does YAML whose text cannot follow
/// a marker, such as one with directives. What cannot be parsed stays as it is.
pub fn to_stream_part(source: &str, format: Format) -> String {
    let value = parse_value(source.as_bytes(), format);
    let body = match format {
        Format::Yaml => body_of(source).filter(|body| {
            let part = format!("{MARKER}\n{body}");
            value.is_err() || parse_value(part.as_bytes(), Format::Yaml) == value
        }),
        Format::Json => None,
    };
    let body = body.or_else(|| to_yaml(value.as_ref().ok()?).ok());
    let body = body.unwrap_or_else(|| with_line_end(source));
    format!("{MARKER}\n{body}")
}

/// Returns the text without the marker line before its content; none when that line holds more than the marker.
fn body_of(source: &str) -> Option<String> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut offset = 0;
    for line in source.split_inclusive('\n') {
        let text = line.trim();
        if text == MARKER {
            let rest = &source[offset + line.len()..];
            return Some(with_line_end(&format!("{}{rest}", &source[..offset])));
        }
        if line.starts_with(MARKER) || line.starts_with('%') {
            return None;
        }
        if !text.is_empty() && !text.starts_with('#') {
            break;
        }
        offset += line.len();
    }
    Some(with_line_end(source))
}

fn with_line_end(text: &str) -> String {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}")
}

#[cfg(test)]
mod tests;
