//! The commands of users to instances, and the one table of where each applies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::states::{Attention, InstanceState, OwnershipReason, TaskState, UnknownName};

named!(
    /// A command of a user to an instance; an accepted one is an operation.
    Command {
        /// Let running attempts end; start nothing.
        Pause = "pause",
        /// Continue from paused or stopped.
        Resume = "resume",
        /// Kill running attempts.
        Stop = "stop",
        /// Run failed and killed tasks again, then what follows.
        Recover = "recover",
        /// Run all again.
        Rerun = "rerun",
        /// Declare one failed task of a final instance a success.
        ForceSuccess = "force-success",
        /// Kill the attempt of one task, which is not tried again.
        KillTask = "kill-task",
        /// Declare one task a success, whatever it does.
        SkipTask = "skip-task",
        /// Run one task of a final instance, and what its scope says, whatever became of the others.
        RunTask = "run-task",
        /// Try one task again, then what follows it.
        RetryTask = "retry-task",
        /// Say how urgent an open instance is.
        Priority = "priority",
        /// Decide that a task which waits for a person succeeds.
        Approve = "approve",
        /// Decide that a task which waits for a person fails.
        Reject = "reject",
    }
);

impl Command {
    /// Whether the command can apply to an instance in this state.
    ///
    /// The one home of that rule: the called node checks it before it stores the command, the owner again before
    /// it decides. A repeated pause is applied without effect.
    pub fn applies_in(self, state: InstanceState, attention: Option<&Attention>) -> bool {
        match self {
            Self::Pause => matches!(
                state,
                InstanceState::Queued | InstanceState::Running | InstanceState::Pausing
            ),
            Self::KillTask => matches!(state, InstanceState::Running | InstanceState::Pausing),
            Self::Approve | Self::Reject => state == InstanceState::Running && attention.is_none(),
            Self::Stop | Self::Priority => !state.is_final(),
            Self::Resume => match state {
                InstanceState::Paused | InstanceState::Stopped => true,
                InstanceState::Queued
                | InstanceState::Running
                | InstanceState::Pausing
                | InstanceState::Stopping => attention.is_some(),
                InstanceState::Failed | InstanceState::Succeeded => false,
            },
            Self::Recover => matches!(state, InstanceState::Failed | InstanceState::Stopped),
            Self::Rerun | Self::ForceSuccess | Self::RunTask => state.is_final(),
            Self::RetryTask => matches!(
                state,
                InstanceState::Running | InstanceState::Failed | InstanceState::Stopped
            ),
            Self::SkipTask => !matches!(state, InstanceState::Queued | InstanceState::Stopping),
        }
    }

    /// Whether the command is about one task.
    pub fn names_task(self) -> bool {
        match self {
            Self::ForceSuccess
            | Self::KillTask
            | Self::SkipTask
            | Self::RunTask
            | Self::RetryTask
            | Self::Approve
            | Self::Reject => true,
            Self::Pause | Self::Resume | Self::Stop | Self::Recover | Self::Rerun | Self::Priority => false,
        }
    }

    /// Whether the command lets the system work again on an instance that needs a person.
    pub(crate) fn ends_attention(self) -> bool {
        self != Self::Priority
    }

    /// Whether the command can apply to a task in this stored state, which takes part in an instance where the command
    /// applies. A task that has not started is `pending` or `not_run`.
    pub fn applies_to_task(self, instance: InstanceState, task: TaskState) -> bool {
        match self {
            Self::Pause | Self::Resume | Self::Stop | Self::Recover | Self::Rerun | Self::Priority => false,
            // What the task waits for decides, beside its state.
            Self::Approve | Self::Reject => false,
            Self::RunTask => true,
            Self::RetryTask if instance.is_final() => matches!(task, TaskState::Failed | TaskState::Killed),
            Self::RetryTask => matches!(
                task,
                TaskState::Failed | TaskState::Killed | TaskState::WaitingRetry
            ),
            Self::KillTask => matches!(
                task,
                TaskState::Dispatched | TaskState::Running | TaskState::WaitingRetry
            ),
            Self::ForceSuccess => is_unsuccessful(task),
            Self::SkipTask if instance.is_final() => is_unsuccessful(task),
            Self::SkipTask => !task.counts_as_success(),
        }
    }

    /// Whether the command decides about a task that waits for a person.
    pub(crate) fn is_decision(self) -> bool {
        matches!(self, Self::Approve | Self::Reject)
    }

    /// Lists the commands that help an instance in this state; force-success has nothing to repair in a success.
    pub fn possible_in(state: InstanceState, attention: Option<&Attention>) -> Vec<Self> {
        let repairs = |command: &Self| matches!(command, Self::ForceSuccess | Self::SkipTask);
        let is_pointless = |command: &Self| state == InstanceState::Succeeded && repairs(command);
        Self::ALL
            .iter()
            .copied()
            .filter(|command| command.applies_in(state, attention))
            .filter(|command| !is_pointless(command) && !command.is_decision())
            .collect()
    }

    /// Lists the commands that can apply to a task in this state of an instance in this state.
    pub fn possible_for_task(instance: InstanceState, task: TaskState) -> Vec<Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|command| command.applies_in(instance, None) && command.applies_to_task(instance, task))
            .collect()
    }
}

/// Whether a task of a final instance is none of its successes.
fn is_unsuccessful(task: TaskState) -> bool {
    matches!(
        task,
        TaskState::Pending | TaskState::Failed | TaskState::Killed | TaskState::NotRun
    )
}

impl From<Command> for OwnershipReason {
    fn from(command: Command) -> Self {
        match command {
            Command::Pause => Self::Pause,
            Command::Resume => Self::Resume,
            Command::Stop => Self::Stop,
            Command::Recover => Self::Recover,
            Command::Rerun => Self::Rerun,
            Command::ForceSuccess => Self::ForceSuccess,
            Command::KillTask => Self::KillTask,
            Command::SkipTask => Self::SkipTask,
            Command::RunTask => Self::RunTask,
            Command::RetryTask => Self::RetryTask,
            Command::Priority => Self::Priority,
            Command::Approve => Self::Approve,
            Command::Reject => Self::Reject,
        }
    }
}
