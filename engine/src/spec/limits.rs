//! The bounds of a document.

/// The most tasks that a workflow may have.
pub const MAX_TASKS: usize = 20_000;

/// The most bytes that a parameter's value may have.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The most schedules of one document.
pub(crate) const MAX_SCHEDULES: usize = 1_000;
