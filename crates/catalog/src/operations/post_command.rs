//! A command as it is posted.

use engine::ids::InstanceId;
use engine::instance::CommandArguments;
use engine::states::Command;

/// A command to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostCommand {
    /// On which instance.
    pub instance: InstanceId,
    /// What is requested.
    pub command: Command,
    /// The task's name, for commands about one.
    pub task: Option<String>,
    /// Why, in the user's words.
    pub reason: Option<String>,
    /// What the command says beside its verb.
    pub arguments: CommandArguments,
}
