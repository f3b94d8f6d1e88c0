//! The places in which tasks run.

/// What a task needs to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionSite {
    /// The owner itself completes its one attempt: no worker, no slot.
    Inline,
    /// A worker, in a slot of a worker group.
    Worker,
}
