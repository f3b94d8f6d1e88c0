//! Tasks of type `approval`: they wait for the decision of a person.

mod answers;
mod fields;
mod progress;

pub use answers::AnswerRule;
pub use fields::{ApprovalInput, ApprovalTask, ApprovalTimeout};
pub use progress::ApprovalProgress;

#[cfg(test)]
mod tests;
