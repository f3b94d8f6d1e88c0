//! One mistake in a document.

use crate::source_map::Position;

/// One mistake in a document, with its position in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedDiagnostic {
    /// A JSON pointer (RFC 6901) to the wrong key or value; empty for the text as a whole.
    pub pointer: String,
    /// Stable, upper snake case.
    pub code: &'static str,
    /// A sentence that says what is wrong and what helps.
    pub message: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
}

impl LocatedDiagnostic {
    /// Makes a diagnostic of the text as a whole.
    pub(crate) fn of_text(code: &'static str, message: String) -> Self {
        Self {
            pointer: String::new(),
            code,
            message,
            line: None,
            column: None,
        }
    }

    /// Makes a diagnostic of one position of the text.
    pub(crate) fn at(position: Position, code: &'static str, message: String) -> Self {
        Self {
            line: Some(position.line),
            column: Some(position.column),
            ..Self::of_text(code, message)
        }
    }
}
