//! Tasks of type `approval`: they wait for the decision of a person.

mod answers;
mod fields;

pub use answers::AnswerRule;
pub use fields::{ApprovalInput, ApprovalTask, ApprovalTimeout};

#[cfg(test)]
mod tests;
