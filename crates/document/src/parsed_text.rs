//! A text that was parsed.

use serde_json::Value;

use crate::diagnostic::LocatedDiagnostic;
use crate::source_map::SourceMap;

/// The value of a text, with the position of each part of it.
pub(crate) struct ParsedText {
    /// The value.
    pub(crate) value: Value,
    /// None for JSON, whose diagnostics have a pointer only.
    pub(crate) source_map: Option<SourceMap>,
    /// What is wrong with the text although a value could be made of it: repeated keys.
    pub(crate) diagnostics: Vec<LocatedDiagnostic>,
}
