//! What a task waits for while none of its attempts is open.

use super::row::Task;
use crate::states::TaskState;

/// What a task without an open attempt waits for. A report ends it, or the task's due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Its delay, or the pause before its next attempt.
    DueTime,
    /// A slot of a worker.
    Slot,
}

impl Task {
    /// Returns what the task waits for; none when it has not become ready, runs, or has ended.
    pub fn wait(&self) -> Option<Wait> {
        match self.state {
            TaskState::Delayed | TaskState::WaitingRetry => Some(Wait::DueTime),
            TaskState::Waiting => Some(Wait::Slot),
            TaskState::Pending
            | TaskState::Dispatched
            | TaskState::Running
            | TaskState::Succeeded
            | TaskState::ForcedSuccess
            | TaskState::Failed
            | TaskState::Killed
            | TaskState::Skipped
            | TaskState::NotRun => None,
        }
    }
}
