//! The one-line texts of a task, in the format of logs or transcripts.

use std::fmt;

use super::report::TaskReport;
use super::row::{Attempt, Task};
use super::step::{TaskEffect, TaskEvent};

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)?;
        if self.dispatch_number > 1 {
            write!(f, ".{}", self.dispatch_number)?;
        }
        write!(f, " {}", self.state)?;
        if self.state.is_open() && self.uid.is_none() && self.started_at.is_none() {
            f.write_str(" unbound")?;
        }
        if let Some(cause) = self.kill_cause.filter(|_| self.state.is_open()) {
            write!(f, " killing:{cause}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        if let Some(attempt) = &self.attempt {
            write!(f, " {attempt}")?;
        }
        if let Some(due) = self.due_at {
            write!(f, " due {due}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TaskEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Skip { .. } => f.write_str("skip"),
            Self::NeverStart { .. } => f.write_str("never start"),
            Self::CannotStart { .. } => f.write_str("cannot start"),
            Self::Opened(_) => f.write_str("opened"),
            Self::Report(report) => report.fmt(f),
            Self::Due => f.write_str("due"),
            Self::Suspend => f.write_str("suspend"),
            Self::Resumed => f.write_str("resumed"),
            Self::End { cause, .. } => write!(f, "end ({cause})"),
            Self::Abandon => f.write_str("abandon"),
            Self::Force { .. } => f.write_str("force"),
        }
    }
}

impl fmt::Display for TaskReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SlotGranted { task_index, worker } => {
                write!(f, "slot granted for {task_index} on {}", worker.name)
            }
            Self::NoSlot { task_index, .. } => write!(f, "no slot for {task_index}"),
            Self::RoomFound { task_index } => write!(f, "room found for {task_index}"),
            Self::NoRoom { task_index, .. } => write!(f, "no room for {task_index}"),
            Self::Attempt { uid, event } => write!(f, "{event} {uid}"),
            Self::CompletedInline { task_index, attempt } => {
                write!(f, "completed inline {task_index}#{attempt}")
            }
            Self::Observed {
                task_index, attempt, ..
            } => write!(f, "observed {task_index}#{attempt}"),
        }
    }
}

impl fmt::Display for TaskEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequestSlot => f.write_str("request slot"),
            Self::RequestRoom => f.write_str("request room"),
            Self::AwaitWorker => f.write_str("await worker"),
            Self::CancelSlot => f.write_str("cancel slot"),
            Self::CompleteInline => f.write_str("complete inline"),
            Self::Open => f.write_str("open"),
            Self::Watch => f.write_str("watch"),
            Self::Kill => f.write_str("kill"),
            Self::Warn(text) => write!(f, "warn: {text}"),
            Self::TimedOut(text) => write!(f, "timed out: {text}"),
            Self::Close(attempt) => write!(f, "close {attempt}"),
            Self::Ignore(reason) => write!(f, "ignored: {reason}"),
        }
    }
}
