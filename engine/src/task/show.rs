//! One-line words for tasks, their events and what they ask; the format of logs and transcripts.

use std::fmt;

use super::{Ask, Attempt, Task, TaskEvent};

/// A length of time, shown as documents write it.
pub(crate) struct Span(pub(crate) i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(mut left) = *self;
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, ms) in [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1000),
            ("ms", 1),
        ] {
            if left >= ms {
                write!(f, "{}{unit}", left / ms)?;
                left %= ms;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)?;
        if self.binding > 1 {
            write!(f, ".{}", self.binding)?;
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
            Self::Bound { worker } => write!(f, "bound to {}", worker.name),
            Self::NoSlot { .. } => f.write_str("no slot"),
            Self::Started { uid, .. } => write!(f, "started {uid}"),
            Self::Ended { uid, ended } => write!(f, "ended {uid} {ended}"),
            Self::FinishedInOwner { attempt } => write!(f, "finished in owner #{attempt}"),
            Self::NotStarted { uid, .. } => write!(f, "not started {uid}"),
            Self::Lost { uid, .. } => write!(f, "lost {uid}"),
            Self::HeldBack { uid, .. } => write!(f, "held back {uid}"),
            Self::Due => f.write_str("due"),
            Self::Hold => f.write_str("hold"),
            Self::Resumed => f.write_str("resumed"),
            Self::End { cause, .. } => write!(f, "end ({cause})"),
            Self::Abandon => f.write_str("abandon"),
            Self::Force => f.write_str("force"),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot => f.write_str("slot"),
            Self::DropSlot => f.write_str("drop slot"),
            Self::FinishInOwner => f.write_str("finish in owner"),
            Self::Kill => f.write_str("kill"),
            Self::Warn(text) => write!(f, "warn: {text}"),
            Self::Close(attempt) => write!(f, "close {attempt}"),
            Self::Ignore(reason) => write!(f, "ignored: {reason}"),
        }
    }
}
