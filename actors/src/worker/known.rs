//! One attempt that the worker has not forgotten.

use engine::ids::Incarnation;
use engine::states::KillCause;

use super::journal::Recalled;
use crate::protocol::{ReattachAnswer, Dispatch, AttemptUpdate};

/// Why an attempt of an earlier life is lost.
pub(super) const STARTED_AGAIN: &str = "its worker started again; what was left of it was killed";

/// Where an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Being written to the journal.
    Journalling,
    /// Has a task actor.
    Running,
    /// Over; kept until the owner has stored it.
    Ended,
}

/// One attempt that is not forgotten.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) phase: Phase,
    /// What the journal would say of it.
    pub(super) recalled: Recalled,
    /// The owner knows that it was started.
    pub(super) start_told: bool,
    /// The start has been held back long enough.
    pub(super) start_due: bool,
    /// The first reason to kill it.
    pub(super) kill: Option<KillCause>,
    /// Why this worker stops it by itself, which is no result of the task.
    pub(super) cut_off: Option<String>,
}

impl Known {
    /// Of a dispatch that is taken now.
    pub(super) fn taken(dispatch: &Dispatch) -> Self {
        Self {
            phase: Phase::Journalling,
            recalled: Recalled {
                worker: dispatch.worker,
                owner: dispatch.owner.clone(),
                started: None,
                ended: None,
            },
            start_told: false,
            start_due: false,
            kill: None,
            cut_off: None,
        }
    }

    /// Of an earlier life.
    pub(super) fn earlier(recalled: Recalled) -> Self {
        Self {
            phase: Phase::Ended,
            recalled,
            start_told: true,
            start_due: true,
            kill: None,
            cut_off: None,
        }
    }

    /// Whether it has a slot.
    pub(super) fn has_slot(&self) -> bool {
        self.phase != Phase::Ended
    }

    /// Answers a new owner.
    pub(super) fn adopted(&self, me: Incarnation) -> ReattachAnswer {
        let recalled = &self.recalled;
        let running = || ReattachAnswer::Running {
            pid: recalled.started.as_ref().and_then(|(process, _)| process.pid),
            started_at: recalled.started.as_ref().map(|(_, at)| *at),
        };
        match &recalled.ended {
            Some(ended) if recalled.worker != me => ReattachAnswer::Done { ended: ended.clone() },
            None if !self.has_slot() => ReattachAnswer::Lost {
                reason: self.cut_off.clone().unwrap_or_else(|| STARTED_AGAIN.to_owned()),
            },
            Some(_) | None => running(),
        }
    }

    /// Returns what there is to tell now.
    pub(super) fn fact(&self) -> Option<AttemptUpdate> {
        match (&self.recalled.ended, &self.recalled.started) {
            (Some(ended), _) => Some(AttemptUpdate::Ended(ended.clone())),
            (None, _) if !self.has_slot() => self.cut_off.clone().map(|reason| AttemptUpdate::Lost { reason }),
            (None, Some((process, at))) if self.start_due && !self.start_told => Some(AttemptUpdate::Started {
                pid: process.pid,
                at: *at,
            }),
            _ => None,
        }
    }
}
