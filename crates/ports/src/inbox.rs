//! What waits in the database for the owner of an instance.

use engine::attempt::AttemptEnd;
use engine::ids::{DispatchId, InstanceId, OperationId, Run};
use engine::instance::CommandArguments;
use engine::states::Command;

/// A command of a user that is not applied yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxCommand {
    /// The inbox row.
    pub operation: OperationId,
    /// The instance that it is for.
    pub instance: InstanceId,
    /// What is asked for.
    pub command: Command,
    /// The run that the called node saw.
    pub run: Run,
    /// The task's name, for commands about one.
    pub task: Option<String>,
    /// The user.
    pub requested_by: String,
    /// What it says beside its verb.
    pub arguments: CommandArguments,
}

/// The result of an attempt that its worker gave to another master than the owner.
#[derive(Debug, Clone, PartialEq)]
pub struct RelayedResult {
    /// The attempt.
    pub uid: DispatchId,
    /// How it ended.
    pub end: AttemptEnd,
}
