//! What waits in the database for the owner of an instance.

use engine::ids::{InstanceId, OperationId, Run, Uid};
use engine::instance::Ended;
use engine::states::Verb;

/// A command of a user that is not applied yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxCommand {
    /// The inbox row.
    pub operation: OperationId,
    /// The instance that it is for.
    pub instance: InstanceId,
    /// What is asked for.
    pub command: Verb,
    /// The run that the called node saw.
    pub run: Run,
    /// The task's name, for force-success.
    pub task: Option<String>,
    /// The user.
    pub requested_by: String,
}

/// The result of an attempt that its worker gave to another master than the owner.
#[derive(Debug, Clone, PartialEq)]
pub struct RelayedResult {
    /// The attempt.
    pub uid: Uid,
    /// How it ended.
    pub end: Ended,
}
