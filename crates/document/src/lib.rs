//! Parses workflow documents in YAML and JSON text, with the line and column of every mistake.

mod diagnostic;
mod limits;
mod number;
mod parsed_text;
mod parser;
mod pointer;
mod source_map;

mod json;
mod yaml;

pub use diagnostic::LocatedDiagnostic;
pub use limits::{MAX_BYTES, MAX_DEPTH};
pub use parser::{Format, find_position, lint_document, parse_document, parse_value};
