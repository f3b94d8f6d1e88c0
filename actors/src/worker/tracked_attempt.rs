//! One attempt that the worker tracks until its owner has stored its end.

use engine::attempt::{AttemptEnd, AttemptResult};
use engine::ids::{Incarnation, Timestamp};
use engine::states::KillCause;

use super::replay::JournaledAttempt;
use ports::journal::ProcessId;
use ports::protocol::{AttemptUpdate, Dispatch, ReattachAnswer};

/// Why an attempt of an earlier incarnation is lost.
pub(crate) const WORKER_RESTARTED: &str = "its worker started again; what was left of it was killed";

/// The progress of an attempt on this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Is being written to the journal, or waits for its first lease.
    Accepted,
    /// Has a task actor.
    Running,
    /// Nothing of it runs.
    Ended,
}

/// The progress of the report that an attempt has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StartReport {
    /// Held back, so that a short task reports once.
    HeldBack,
    /// To be sent.
    Due,
    /// The owner has stored it.
    Acknowledged,
}

/// One attempt that is not forgotten.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrackedAttempt {
    phase: Phase,
    journaled: JournaledAttempt,
    start_report: StartReport,
    /// The first cause to kill it.
    kill: Option<KillCause>,
    /// Why this worker stops it by itself, which is no result of the task.
    isolation: Option<String>,
}

impl TrackedAttempt {
    /// Tracks a dispatch that is accepted now.
    pub(crate) fn accepted(dispatch: &Dispatch) -> Self {
        Self {
            phase: Phase::Accepted,
            journaled: JournaledAttempt::accepted(dispatch.worker, dispatch.owner.clone()),
            start_report: StartReport::HeldBack,
            kill: None,
            isolation: None,
        }
    }

    /// Tracks an attempt of an earlier incarnation, which does not run any more.
    pub(crate) fn recovered(journaled: JournaledAttempt) -> Self {
        Self {
            phase: Phase::Ended,
            journaled,
            start_report: StartReport::Acknowledged,
            kill: None,
            isolation: None,
        }
    }

    /// Whether it occupies a slot.
    pub(crate) fn has_slot(&self) -> bool {
        self.phase != Phase::Ended
    }

    /// Returns what the journal records of it.
    pub(crate) fn journaled(&self) -> &JournaledAttempt {
        &self.journaled
    }

    /// Whether its owner ordered it to end.
    pub(crate) fn is_kill_ordered(&self) -> bool {
        self.kill.is_some()
    }

    /// Keeps the first cause to kill it.
    pub(crate) fn order_kill(&mut self, cause: KillCause) {
        self.kill.get_or_insert(cause);
    }

    /// Keeps why this worker stops it by itself.
    pub(crate) fn stop_isolated(&mut self, reason: String) {
        self.isolation = Some(reason);
    }

    /// It has a task actor from now on.
    pub(crate) fn mark_running(&mut self) {
        self.phase = Phase::Running;
    }

    /// Its process was started.
    pub(crate) fn record_start(&mut self, process: ProcessId, at: Timestamp) {
        self.journaled.started = Some((process, at));
    }

    /// The start was held back long enough.
    pub(crate) fn release_start_report(&mut self) {
        if self.start_report == StartReport::HeldBack {
            self.start_report = StartReport::Due;
        }
    }

    /// The owner has stored the start.
    pub(crate) fn acknowledge_start(&mut self) {
        self.start_report = StartReport::Acknowledged;
    }

    /// Releases the slot; without an end the attempt is lost.
    pub(crate) fn end(&mut self, end: Option<AttemptEnd>) {
        self.phase = Phase::Ended;
        self.journaled.end = end;
    }

    /// Whether it ended without a result, because its worker restarted or stopped it.
    pub(crate) fn is_lost(&self) -> bool {
        !self.has_slot() && self.journaled.end.is_none()
    }

    /// Returns the end of a lost attempt that its owner kills: nothing of it runs.
    pub(crate) fn killed_when_lost(&self, at: Timestamp) -> AttemptEnd {
        let reason = self.isolation.as_deref().unwrap_or(WORKER_RESTARTED);
        AttemptEnd {
            log_bytes: None,
            ..AttemptEnd::unstarted(AttemptResult::Killed, reason, at)
        }
    }

    /// Whether the worker ends it by itself, without an order of its owner.
    pub(crate) fn is_stopped_by_worker(&self) -> bool {
        self.kill.is_none() && self.isolation.is_some()
    }

    /// Whether an end or a loss of `worker` is not stored yet. After a drain, a later incarnation reports the rest.
    pub(crate) fn blocks_drain(&self, worker: Incarnation) -> bool {
        self.journaled.worker == worker && (self.journaled.end.is_some() || self.isolation.is_some())
    }

    /// Answers a new owner.
    pub(crate) fn reattach_answer(&self, this_worker: Incarnation) -> ReattachAnswer {
        let journaled = &self.journaled;
        match &journaled.end {
            Some(end) if journaled.worker != this_worker => ReattachAnswer::Done { end: end.clone() },
            None if !self.has_slot() => ReattachAnswer::Lost {
                reason: self.isolation.clone().unwrap_or(WORKER_RESTARTED.to_owned()),
            },
            Some(_) | None => ReattachAnswer::Running {
                pid: journaled.process().pid,
                started_at: journaled.started.as_ref().map(|(_, at)| *at),
            },
        }
    }

    /// Returns what its owner has to store next.
    pub(crate) fn pending_update(&self) -> Option<AttemptUpdate> {
        if let Some(end) = &self.journaled.end {
            return Some(AttemptUpdate::Ended(end.clone()));
        }
        if !self.has_slot() {
            return self
                .isolation
                .clone()
                .map(|reason| AttemptUpdate::Lost { reason });
        }
        match &self.journaled.started {
            Some((process, at)) if self.start_report == StartReport::Due => Some(AttemptUpdate::Started {
                pid: process.pid,
                at: *at,
            }),
            _ => None,
        }
    }
}
