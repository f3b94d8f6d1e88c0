//! Reads workflow documents from YAML and JSON text, with the line and column of everything that is wrong.

mod json;
mod place;
mod yaml;

use engine::spec::Definition;
use engine::spec::{self, Diagnostic, DiagnosticTarget};
use serde_json::Value;

use place::Place;

/// The most bytes of a document.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The deepest nesting of lists and maps.
pub const MAX_DEPTH: usize = 64;

/// In which language a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, one document, core schema.
    Yaml,
    /// JSON.
    Json,
}

/// One error of a document, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedIssue {
    /// A JSON pointer (RFC 6901) to the wrong key or value; empty for the text as a whole.
    pub pointer: String,
    /// Stable, upper snake.
    pub code: &'static str,
    /// What is wrong and what helps, in words.
    pub message: String,
    /// From 1.
    pub line: Option<u32>,
    /// From 1, in characters.
    pub column: Option<u32>,
}

/// A text that was read: its value and where each part of it stands.
struct Parsed {
    value: Value,
    /// `None` for JSON, whose issues are placed by pointer alone.
    places: Option<Place>,
    /// What is wrong with the text although a value could be made of it: repeated keys.
    issues: Vec<LocatedIssue>,
}

/// Reads a document into a definition and its canonical model.
///
/// # Errors
/// Lists everything that is wrong; for broken text only the first error, which hides the rest.
pub fn read_document(bytes: &[u8], format: Format) -> Result<(Definition, Value), Vec<LocatedIssue>> {
    let parsed = parse(bytes, format).map_err(|issue| vec![issue])?;
    let mut issues = parsed.issues;
    match spec::parse(&parsed.value) {
        Ok(definition) if issues.is_empty() => {
            let model = spec::serialize(&definition);
            return Ok((definition, model));
        }
        Ok(_) => {}
        Err(found) => issues.extend(
            found
                .into_iter()
                .map(|issue| locate(issue, parsed.places.as_ref(), &parsed.value)),
        ),
    }
    issues.sort_by_key(|issue| (issue.line, issue.column));
    Err(issues)
}

/// Reads text into a plain value; for other bodies than documents.
///
/// # Errors
/// Lists what is wrong with the text.
pub fn read_value(bytes: &[u8], format: Format) -> Result<Value, Vec<LocatedIssue>> {
    let parsed = parse(bytes, format).map_err(|issue| vec![issue])?;
    if parsed.issues.is_empty() {
        Ok(parsed.value)
    } else {
        Err(parsed.issues)
    }
}

/// Tells the line and the column of a value in YAML that can be read.
pub fn place_of(bytes: &[u8], format: Format, pointer: &str) -> Option<(u32, u32)> {
    let parsed = parse(bytes, format).ok()?;
    let mark = parsed.places?.find(&parsed.value, pointer, false);
    Some((mark.line, mark.column))
}

fn parse(bytes: &[u8], format: Format) -> Result<Parsed, LocatedIssue> {
    if bytes.len() > MAX_BYTES {
        let message = format!(
            "the document has {} bytes, at most {MAX_BYTES} are allowed",
            bytes.len()
        );
        return Err(whole("TOO_LARGE", message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        LocatedIssue {
            line: u32::try_from(line).ok(),
            ..whole("NOT_UTF8", format!("the text is not UTF-8 (line {line})"))
        }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Yaml => yaml::parse(text),
        Format::Json => json::parse(text),
    }
}

/// An issue of the text as a whole.
fn whole(code: &'static str, message: String) -> LocatedIssue {
    LocatedIssue {
        pointer: String::new(),
        code,
        message,
        line: None,
        column: None,
    }
}

fn locate(issue: Diagnostic, places: Option<&Place>, value: &Value) -> LocatedIssue {
    let mark = places.map(|root| root.find(value, &issue.pointer, issue.target == DiagnosticTarget::Key));
    LocatedIssue {
        pointer: issue.pointer,
        code: issue.code,
        message: issue.message,
        line: mark.map(|mark| mark.line),
        column: mark.map(|mark| mark.column),
    }
}

#[cfg(test)]
mod tests;
