//! One error of a document or of a request body.

/// Whether a diagnostic is about a key itself or about the value behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiagnosticTarget {
    /// The key is wrong: unknown, repeated, or not a legal name.
    Key,
    /// The value is wrong.
    Value,
}

/// One error, with its place and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A JSON pointer (RFC 6901) to the wrong key or value; to where it belongs when it is missing.
    pub pointer: String,
    /// Which of the two the pointer means.
    pub target: DiagnosticTarget,
    /// Stable, upper snake.
    pub code: &'static str,
    /// What is wrong and what helps, as a readable text.
    pub message: String,
}
