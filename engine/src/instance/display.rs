//! The one-line texts of an instance, in the format of logs or transcripts.

use std::fmt;

use super::changes::Transition;
use super::effect::Effect;
use super::event::{Event, Operation};
use super::state::Instance;

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.record().state)?;
        if self.record().run.0 > 1 {
            write!(f, " run {}", self.record().run)?;
        }
        if let Some(attention) = &self.record().attention {
            write!(f, " attention:{}", attention.code)?;
        }
        for (task_index, task) in &self.rows.tasks {
            write!(f, " | {task_index} {task}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Some(task) => write!(f, "{} {task}", self.command),
            None => self.command.fmt(f),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded => f.write_str("loaded"),
            Self::Command(operation) => operation.fmt(f),
            Self::Report(report) => report.fmt(f),
            Self::Warning { uid, text } => write!(f, "warning {uid}: {text}"),
            Self::Due => f.write_str("due"),
            Self::ClockStepped { by_ms } => write!(f, "clock stepped {by_ms:+} ms"),
            Self::Quarantine { attention } => write!(f, "quarantine {}", attention.code),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequestSlot { task_index } => write!(f, "request slot {task_index}"),
            Self::CancelSlot { task_index } => write!(f, "cancel slot {task_index}"),
            Self::Dispatch { uid, .. } => write!(f, "dispatch {uid}"),
            Self::Kill { uid, cause, .. } => write!(f, "kill {uid} ({cause})"),
            Self::CompleteInline { task_index, attempt } => {
                write!(f, "complete inline {task_index}#{attempt}")
            }
            Self::Watch {
                task_index, attempt, ..
            } => write!(f, "watch {task_index}#{attempt}"),
            Self::WakeAt { at } => write!(f, "wake at {at}"),
            Self::Warn { text, .. } => write!(f, "warn: {text}"),
            Self::Release => f.write_str("release"),
            Self::Ignore { reason } => write!(f, "ignored: {reason}"),
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task_index {
            Some(task_index) => write!(f, "{task_index}")?,
            None => f.write_str("instance")?,
        }
        if let Some(attempt) = self.attempt {
            write!(f, "#{attempt}")?;
        }
        write!(f, " {} -> {}: {}", self.from.unwrap_or("-"), self.to, self.why)
    }
}
