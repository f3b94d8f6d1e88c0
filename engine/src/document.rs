//! Reads documents into definitions: a JSON value in, a valid definition or every error at once out.
//!
//! The text formats in front of it (YAML, JSON) live outside this crate; they only add lines and columns.

pub mod duration;
pub mod names;

mod cut_off;
mod graph;
mod params;
mod reader;
mod schema;
mod tasks;
mod work;
mod workflow;
mod write;

pub use params::{check_loose, text_of};
pub(crate) use params::{check_text, check_value};
pub(crate) use reader::{Path, Reader, named};
pub use schema::{schema, task_types};
pub use workflow::read;
pub use write::write;

/// The most tasks that a workflow may have.
pub const MAX_TASKS: usize = 20_000;

/// The most bytes that a parameter's value may have.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Whether an issue is about a key itself or about the value behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The key is wrong: unknown, repeated, or not a legal name.
    Key,
    /// The value is wrong.
    Value,
}

/// One error of a document or of a request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// A JSON pointer (RFC 6901) to the wrong key or value; to where it belongs when it is missing.
    pub pointer: String,
    /// Which of the two the pointer means.
    pub part: Part,
    /// Stable, upper snake.
    pub code: &'static str,
    /// What is wrong and what helps, in words.
    pub message: String,
}

#[cfg(test)]
mod tests;
