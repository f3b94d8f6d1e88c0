//! The parser of documents: text to value, value to definition.

use engine::spec::{self, Definition, Diagnostic, DiagnosticTarget};
use serde_json::Value;

use crate::diagnostic::LocatedDiagnostic;
use crate::limits::MAX_BYTES;
use crate::parsed_text::ParsedText;
use crate::source_map::SourceMap;
use crate::{json, yaml};

/// The language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, one document, core schema.
    Yaml,
    /// JSON.
    Json,
}

/// Parses a document into a definition and its canonical model.
///
/// # Errors
/// Every mistake; for text that cannot be parsed only the first one, which hides the rest.
pub fn parse_document(bytes: &[u8], format: Format) -> Result<(Definition, Value), Vec<LocatedDiagnostic>> {
    let parsed = parse_text(bytes, format).map_err(|diagnostic| vec![diagnostic])?;
    let mut diagnostics = parsed.diagnostics;
    match spec::parse(&parsed.value) {
        Ok(definition) if diagnostics.is_empty() => {
            let model = spec::serialize(&definition);
            return Ok((definition, model));
        }
        Ok(_) => {}
        Err(found) => diagnostics.extend(
            found
                .into_iter()
                .map(|diagnostic| locate(diagnostic, parsed.source_map.as_ref(), &parsed.value)),
        ),
    }
    diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    Err(diagnostics)
}

/// Finds what is legal in a document and yet probably not meant; nothing in one with mistakes.
pub fn lint_document(bytes: &[u8], format: Format) -> Vec<LocatedDiagnostic> {
    let Ok(parsed) = parse_text(bytes, format) else {
        return Vec::new();
    };
    let found = spec::parse(&parsed.value).map(|definition| spec::lint(&definition));
    found
        .unwrap_or_default()
        .into_iter()
        .map(|diagnostic| locate(diagnostic, parsed.source_map.as_ref(), &parsed.value))
        .collect()
}

/// Parses text into a plain value, for other bodies than documents.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_value(bytes: &[u8], format: Format) -> Result<Value, Vec<LocatedDiagnostic>> {
    let parsed = parse_text(bytes, format).map_err(|diagnostic| vec![diagnostic])?;
    if parsed.diagnostics.is_empty() {
        Ok(parsed.value)
    } else {
        Err(parsed.diagnostics)
    }
}

/// Finds the line and column of a value in a YAML text without mistakes.
pub fn find_position(bytes: &[u8], format: Format, pointer: &str) -> Option<(u32, u32)> {
    let parsed = parse_text(bytes, format).ok()?;
    let position = parsed
        .source_map?
        .find_position(&parsed.value, pointer, DiagnosticTarget::Value);
    Some((position.line, position.column))
}

fn parse_text(bytes: &[u8], format: Format) -> Result<ParsedText, LocatedDiagnostic> {
    if bytes.len() > MAX_BYTES {
        let message = format!(
            "the document has {} bytes, at most {MAX_BYTES} are allowed",
            bytes.len()
        );
        return Err(LocatedDiagnostic::of_text("TOO_LARGE", message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        LocatedDiagnostic {
            line: u32::try_from(line).ok(),
            ..LocatedDiagnostic::of_text("NOT_UTF8", "the text is not UTF-8".to_owned())
        }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Yaml => yaml::parse_yaml(text),
        Format::Json => json::parse_json(text),
    }
}

fn locate(diagnostic: Diagnostic, source_map: Option<&SourceMap>, value: &Value) -> LocatedDiagnostic {
    let position = source_map.map(|root| root.find_position(value, &diagnostic.pointer, diagnostic.target));
    LocatedDiagnostic {
        pointer: diagnostic.pointer,
        code: diagnostic.code,
        message: diagnostic.message,
        line: position.map(|position| position.line),
        column: position.map(|position| position.column),
    }
}

#[cfg(test)]
mod tests;
