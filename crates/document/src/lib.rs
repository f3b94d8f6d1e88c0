//! Parses workflow documents in YAML and JSON text, with the line and column of every mistake.

mod diagnostic;
mod limits;
mod member_text;
mod number;
mod parsed_text;
mod parser;
mod pointer;
mod source_map;
mod stream;

mod json;
mod yaml;
mod yaml_writer;

pub use diagnostic::LocatedDiagnostic;
pub use limits::{MAX_BYTES, MAX_DEPTH};
pub use member_text::set_text_member;
pub use parser::{Format, find_position, lint_document, parse_document, parse_value};
pub use stream::to_stream_part;
pub use yaml_writer::{UnwritableYaml, to_yaml};
