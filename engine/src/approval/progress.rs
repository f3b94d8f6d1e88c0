//! What is stored of an open approval.

use serde::{Deserialize, Serialize};

/// The most characters of a message in a reason.
const MAX_SUMMARY: usize = 200;

/// What an open attempt keeps. Its serde form is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalProgress {
    /// The question, with parameters put in.
    pub message: String,
}

impl ApprovalProgress {
    /// Returns the question in one line of a readable length.
    pub(crate) fn summary(&self) -> String {
        let line = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(MAX_SUMMARY) {
            Some((cut, _)) => format!("{}…", &line[..cut]),
            None => line,
        }
    }
}
