//! One-line words for instances, events and effects; the format of logs and transcripts.

use std::fmt;

use super::{AttemptResult, Effect, Ended, Event, Instance, Transition};

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.header.state)?;
        if self.header.run.0 > 1 {
            write!(f, " run {}", self.header.run)?;
        }
        if let Some(attention) = &self.header.attention {
            write!(f, " attention:{}", attention.code)?;
        }
        for (place, task) in self.tasks.iter().enumerate() {
            if let Some(task) = task {
                write!(f, " | {place} {task}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for AttemptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Killed => "killed",
        })
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.result)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded => f.write_str("loaded"),
            Self::Verb {
                verb,
                task: Some(task),
                ..
            } => write!(f, "{verb} {task}"),
            Self::Verb { verb, task: None, .. } => write!(f, "{verb}"),
            Self::Granted { ordinal, worker } => write!(f, "granted {ordinal} on {}", worker.name),
            Self::NoSlot { ordinal, .. } => write!(f, "no slot for {ordinal}"),
            Self::Started { uid, .. } => write!(f, "started {uid}"),
            Self::Ended { uid, ended } => write!(f, "ended {uid} {ended}"),
            Self::FinishedInOwner { ordinal, attempt } => write!(f, "finished in owner {ordinal}#{attempt}"),
            Self::NotStarted { uid, .. } => write!(f, "not started {uid}"),
            Self::Lost { uid, .. } => write!(f, "lost {uid}"),
            Self::HeldBack { uid, .. } => write!(f, "held back {uid}"),
            Self::Warned { uid, text } => write!(f, "warned {uid}: {text}"),
            Self::Due => f.write_str("due"),
            Self::GiveUp { attention } => write!(f, "give up {}", attention.code),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WantSlot { ordinal } => write!(f, "want slot {ordinal}"),
            Self::DropSlot { ordinal } => write!(f, "drop slot {ordinal}"),
            Self::Dispatch { uid, .. } => write!(f, "dispatch {uid}"),
            Self::Kill { uid, cause, .. } => write!(f, "kill {uid} ({cause})"),
            Self::FinishInOwner { ordinal, attempt } => write!(f, "finish in owner {ordinal}#{attempt}"),
            Self::WakeAt { at } => write!(f, "wake at {at}"),
            Self::Warn { text, .. } => write!(f, "warn: {text}"),
            Self::Rest => f.write_str("rest"),
            Self::Ignore { reason } => write!(f, "ignored: {reason}"),
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ordinal {
            Some(ordinal) => write!(f, "{ordinal}")?,
            None => f.write_str("instance")?,
        }
        if let Some(attempt) = self.attempt {
            write!(f, "#{attempt}")?;
        }
        write!(f, " {} -> {}: {}", self.from.unwrap_or("-"), self.to, self.why)
    }
}
