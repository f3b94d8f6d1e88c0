//! The type `noop`: nothing, which is useful as a joint between other tasks.

use super::action::TaskAction;
use super::definition::{Preparation, TaskType};
use super::site::ExecutionSite;

/// Succeeds in the owner.
pub const NOOP: TaskType = TaskType {
    name: "noop",
    doc: "Does nothing and succeeds.",
    site: ExecutionSite::Inline,
    fields: &[],
    secret_fields: &[],
    prepare: |_, _, _| Preparation::default(),
};

/// Returns the action that does nothing.
pub fn noop_action() -> TaskAction {
    TaskAction::new(&NOOP, Vec::new())
}
