//! What a command would do, without doing it.

use super::draft::InstanceDraft;
use super::event::Operation;
use super::next_run::tasks_decided_again;
use super::refusal::refusal_of;
use super::state::Instance;
use crate::ids::{TaskIndex, Timestamp};
use crate::plan::Plan;

/// Lists the tasks that a command would make pending again, in document order, as its owner would decide now.
///
/// # Errors
/// Why the owner would refuse it, as a readable text.
pub fn preview_command(
    plan: &Plan,
    instance: &Instance,
    operation: &Operation,
) -> Result<Vec<TaskIndex>, String> {
    let draft = InstanceDraft::new(plan, instance, Timestamp(0));
    match refusal_of(&draft, operation) {
        Some(refusal) => Err(refusal),
        None => Ok(tasks_decided_again(&draft, operation).into_iter().collect()),
    }
}
