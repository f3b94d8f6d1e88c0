//! Every attempt that this worker tracks, with the owner of each instance.

use std::collections::{BTreeMap, BTreeSet};

use engine::attempt::{AttemptEnd, AttemptResult};
use engine::ids::{
    AttemptNumber, DispatchId, Epoch, Generation, Incarnation, InstanceId, TaskIndex, Timestamp,
};

use super::closed_attempts::{ClosedAttempt, ClosedAttempts};
use super::drain::DrainPhase;
use super::owners::InstanceOwners;
use super::replay::Replay;
use super::slot_pool::SlotPool;
use super::tracked_attempt::{TrackedAttempt, WORKER_RESTARTED};
use ports::journal::{JournalRecord, ProcessId};
use ports::protocol::{
    AttemptUpdate, Dispatch, DispatchAnswer, Kill, KillAnswer, Owner, ReattachAnswer, ReattachRequest,
    Report, ReportAnswer,
};

/// What to do with a dispatch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DispatchDecision {
    /// Journal it, then start it.
    Accept,
    /// Only answer.
    Answer(DispatchAnswer),
}

/// What the end of an attempt's processes means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EndDecision {
    /// It is the result; this is to be journaled.
    Result(JournalRecord),
    /// The worker stopped it without an order: it is lost.
    Lost,
    /// It had ended before.
    Repeated,
}

/// What the owner's answer to a report means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ReportDecision {
    /// The owner has stored it.
    Stored,
    /// The owner has stored the end or the loss; this is to be journaled.
    Forget(JournalRecord),
    /// It is to be sent again.
    Pending,
}

/// The attempts of one worker incarnation.
#[derive(Debug)]
pub(crate) struct Attempts {
    this_worker: Incarnation,
    slots: SlotPool,
    tracked: BTreeMap<DispatchId, TrackedAttempt>,
    closed: ClosedAttempts,
    owners: InstanceOwners,
    incarnations: Vec<(Incarnation, String)>,
    /// Incarnations in this boot, whose journal has every attempt that they accepted.
    complete: BTreeSet<Incarnation>,
}

impl Attempts {
    /// Begins with what the journal records of earlier incarnations; `boot_id` is the boot of this one.
    pub(crate) fn recover(this_worker: Incarnation, slots: u32, replay: Replay, boot_id: &str) -> Self {
        let in_this_boot = replay.incarnations.iter().filter(|(_, boot)| boot == boot_id);
        let mut attempts = Self {
            this_worker,
            slots: SlotPool::new(slots),
            tracked: BTreeMap::new(),
            closed: ClosedAttempts::default(),
            owners: InstanceOwners::default(),
            complete: in_this_boot.map(|(worker, _)| *worker).collect(),
            incarnations: replay.incarnations,
        };
        for (uid, journaled) in replay.attempts {
            attempts.observe_owner(uid.instance, &journaled.owner).ok();
            attempts.tracked.insert(uid, TrackedAttempt::recovered(journaled));
        }
        attempts
    }

    /// Returns the slots.
    pub(crate) fn slots(&self) -> &SlotPool {
        &self.slots
    }

    /// Returns the slots to be closed or opened.
    pub(crate) fn slots_mut(&mut self) -> &mut SlotPool {
        &mut self.slots
    }

    /// Returns a tracked attempt.
    pub(crate) fn get(&self, uid: &DispatchId) -> Option<&TrackedAttempt> {
        self.tracked.get(uid)
    }

    /// Returns a tracked attempt to be changed.
    pub(crate) fn get_mut(&mut self, uid: &DispatchId) -> Option<&mut TrackedAttempt> {
        self.tracked.get_mut(uid)
    }

    /// Returns the owner of an instance, which receives its reports.
    pub(crate) fn owner(&self, instance: InstanceId) -> Option<&Owner> {
        self.owners.get(instance)
    }

    /// Keeps the owner of an instance; the error is the epoch of a newer one.
    fn observe_owner(&mut self, instance: InstanceId, owner: &Owner) -> Result<(), Epoch> {
        self.owners.observe(instance, owner)?;
        self.owners.trim(self.tracked.keys().map(|uid| uid.instance));
        Ok(())
    }

    /// Decides on a dispatch that was sent to the incarnation `to`; an accepted one has its slot from now on.
    pub(crate) fn decide_dispatch(&mut self, to: Incarnation, dispatch: &Dispatch) -> DispatchDecision {
        let uid = dispatch.uid;
        if to != self.this_worker || dispatch.worker != to {
            return refuse("it is for another incarnation of this worker");
        }
        if let Err(seen) = self.observe_owner(uid.instance, &dispatch.owner) {
            return DispatchDecision::Answer(DispatchAnswer::StaleEpoch { seen });
        }
        match self.closed.get(&uid) {
            Some(ClosedAttempt::Tombstoned) => return refuse("it was called off before it arrived"),
            Some(ClosedAttempt::Stored) => return DispatchDecision::Answer(DispatchAnswer::Accepted),
            None if self.tracked.contains_key(&uid) => {
                return DispatchDecision::Answer(DispatchAnswer::Accepted);
            }
            None => {}
        }
        if let Err(reason) = self.slots.take() {
            let refused = refuse(reason);
            self.tombstone(uid);
            return refused;
        }
        self.tracked.insert(uid, TrackedAttempt::accepted(dispatch));
        DispatchDecision::Accept
    }

    /// Refuses for ever a uid that was not started; releases its slot if it had one.
    pub(crate) fn tombstone(&mut self, uid: DispatchId) {
        if self
            .tracked
            .remove(&uid)
            .is_some_and(|attempt| attempt.has_slot())
        {
            self.slots.release();
        }
        self.closed.insert(uid, ClosedAttempt::Tombstoned);
    }

    /// Decides on a kill that was sent to the incarnation `to`.
    pub(crate) fn decide_kill(&mut self, to: Incarnation, kill: &Kill) -> KillAnswer {
        let uid = kill.uid;
        if let Err(seen) = self.observe_owner(uid.instance, &kill.owner) {
            return KillAnswer::StaleEpoch { seen };
        }
        if let Some(attempt) = self.tracked.get_mut(&uid) {
            attempt.order_kill(kill.cause);
            return KillAnswer::Killing;
        }
        if self.closed.get(&uid) == Some(ClosedAttempt::Stored) {
            return KillAnswer::Killing;
        }
        if to == self.this_worker {
            self.tombstone(uid);
        }
        KillAnswer::NeverStarted
    }

    /// Answers a new owner that asks for the state of an attempt.
    pub(crate) fn reattach(&mut self, request: &ReattachRequest) -> ReattachAnswer {
        let uid = request.uid;
        if let Err(seen) = self.observe_owner(uid.instance, &request.owner) {
            return ReattachAnswer::StaleEpoch { seen };
        }
        if let Some(attempt) = self.tracked.get(&uid) {
            return attempt.reattach_answer(self.this_worker);
        }
        match self.closed.get(&uid) {
            Some(ClosedAttempt::Tombstoned) => ReattachAnswer::NeverStarted,
            Some(ClosedAttempt::Stored) => lost(),
            None if request.worker == self.this_worker => {
                self.tombstone(uid);
                ReattachAnswer::NeverStarted
            }
            None if self.complete.contains(&request.worker) => ReattachAnswer::NeverStarted,
            None => lost(),
        }
    }

    /// Marks an attempt as running; returns `false` when it was killed before.
    pub(crate) fn begin_run(&mut self, uid: &DispatchId) -> bool {
        let in_kill_phase = self.slots.drain_phase() == DrainPhase::Killing;
        let attempt = self.tracked.get_mut(uid);
        let Some(attempt) = attempt.filter(|attempt| !attempt.is_kill_ordered() && !in_kill_phase) else {
            return false;
        };
        attempt.mark_running();
        true
    }

    /// Keeps when a process was started.
    pub(crate) fn record_start(&mut self, uid: &DispatchId, process: ProcessId, at: Timestamp) {
        if let Some(attempt) = self.tracked.get_mut(uid) {
            attempt.record_start(process, at);
        }
    }

    /// Decides on the end of an attempt's processes and releases the slot.
    ///
    /// What this worker killed by itself, because it drains or is isolated, has no result. A loss is reported after an
    /// isolation, and by a later incarnation after a drain.
    pub(crate) fn decide_end(&mut self, uid: &DispatchId, end: AttemptEnd) -> EndDecision {
        let in_kill_phase = self.slots.drain_phase() == DrainPhase::Killing;
        let Some(attempt) = self.tracked.get_mut(uid).filter(|attempt| attempt.has_slot()) else {
            return EndDecision::Repeated;
        };
        self.slots.release();
        let by_worker = attempt.is_stopped_by_worker() || (in_kill_phase && !attempt.is_kill_ordered());
        if end.result == AttemptResult::Killed && by_worker {
            attempt.end(None);
            return EndDecision::Lost;
        }
        attempt.end(Some(end.clone()));
        EndDecision::Result(JournalRecord::Ended { uid: *uid, end })
    }

    /// Ends a lost attempt that its owner kills; returns what is to be journaled.
    pub(crate) fn end_lost(&mut self, uid: &DispatchId, at: Timestamp) -> Option<JournalRecord> {
        let attempt = self.tracked.get_mut(uid).filter(|attempt| attempt.is_lost())?;
        let end = attempt.killed_when_lost(at);
        attempt.end(Some(end.clone()));
        Some(JournalRecord::Ended { uid: *uid, end })
    }

    /// Returns what the owner of an attempt has to store next.
    pub(crate) fn pending_report(&self, uid: &DispatchId) -> Option<Report> {
        let attempt = self.tracked.get(uid)?;
        Some(Report {
            uid: *uid,
            worker: attempt.journaled().worker,
            update: attempt.pending_update()?,
        })
    }

    /// Returns the attempts of one instance that have a pending report.
    pub(crate) fn pending_reports_of(&self, instance: InstanceId) -> Vec<DispatchId> {
        let mut found = Vec::new();
        // Of any generation: an attempt keeps its uid when the generation is raised. There are few of them.
        let mut next = self.tracked.keys().next().map(|uid| uid.generation);
        while let Some(generation) = next {
            let of = first_uid(generation, instance)..first_uid(generation, InstanceId(instance.0 + 1));
            found.extend(self.tracked.range(of).map(|(uid, _)| *uid));
            let later = first_uid(Generation(generation.0 + 1), InstanceId(0));
            next = self.tracked.range(later..).next().map(|(uid, _)| uid.generation);
        }
        found.retain(|uid| self.pending_report(uid).is_some());
        found
    }

    /// Returns every attempt that has a pending report.
    pub(crate) fn pending_reports(&self) -> Vec<DispatchId> {
        let uids = self.tracked.keys().copied();
        uids.filter(|uid| self.pending_report(uid).is_some()).collect()
    }

    /// Makes the reports of a batch for one master, and returns apart the attempts that have another owner by now.
    pub(crate) fn reports_to(
        &self,
        master: Incarnation,
        uids: Vec<DispatchId>,
    ) -> (Vec<Report>, Vec<DispatchId>) {
        let is_owner = |uid: &DispatchId| {
            self.owner(uid.instance)
                .is_some_and(|owner| owner.incarnation == master)
        };
        let (here, moved): (Vec<DispatchId>, Vec<DispatchId>) = uids.into_iter().partition(is_owner);
        let reports = here.iter().filter_map(|uid| self.pending_report(uid));
        (reports.collect(), moved)
    }

    /// Decides on the answer of `master` to a report; none when the batch was not answered.
    pub(crate) fn decide_report(
        &mut self,
        master: Incarnation,
        report: &Report,
        answer: Option<ReportAnswer>,
    ) -> ReportDecision {
        let uid = report.uid;
        match answer {
            Some(ReportAnswer::Stored) => match report.update {
                AttemptUpdate::Started { .. } => {
                    if let Some(attempt) = self.tracked.get_mut(&uid) {
                        attempt.acknowledge_start();
                    }
                    ReportDecision::Stored
                }
                AttemptUpdate::Ended(_) | AttemptUpdate::Lost { .. } => {
                    if self.tracked.remove(&uid).is_some() {
                        self.closed.insert(uid, ClosedAttempt::Stored);
                    }
                    ReportDecision::Forget(JournalRecord::Forgotten { uid })
                }
            },
            Some(ReportAnswer::Moved { owner: Some(owner) }) if owner.incarnation != master => {
                self.observe_owner(uid.instance, &owner).ok();
                ReportDecision::Pending
            }
            Some(ReportAnswer::Moved { .. } | ReportAnswer::Later) | None => ReportDecision::Pending,
        }
    }

    /// Returns the attempts that have a slot.
    pub(crate) fn with_slot(&self) -> Vec<DispatchId> {
        let open = self.tracked.iter().filter(|(_, attempt)| attempt.has_slot());
        open.map(|(uid, _)| *uid).collect()
    }

    /// Whether a drain is complete: nothing runs and nothing of this incarnation waits to be stored.
    pub(crate) fn is_drained(&self) -> bool {
        let this_worker = self.this_worker;
        self.slots.drain_phase() != DrainPhase::Serving
            && self.slots.used() == 0
            && !self
                .tracked
                .values()
                .any(|attempt| attempt.blocks_drain(this_worker))
    }

    /// Returns how many attempts are tracked.
    pub(crate) fn len(&self) -> usize {
        self.tracked.len()
    }

    /// Whether an attempt of this master has a slot.
    pub(crate) fn has_open_attempt_of(&self, master: Incarnation) -> bool {
        self.tracked.iter().any(|(uid, attempt)| {
            attempt.has_slot()
                && self
                    .owner(uid.instance)
                    .is_some_and(|owner| owner.incarnation == master)
        })
    }

    /// Returns the records that a journal needs to recover this.
    pub(crate) fn journal_records(&self) -> Vec<JournalRecord> {
        let tracked = self.tracked.iter();
        let replay = Replay {
            incarnations: self.incarnations.clone(),
            attempts: tracked
                .map(|(uid, attempt)| (*uid, attempt.journaled().clone()))
                .collect(),
        };
        replay.records()
    }
}

fn lost() -> ReattachAnswer {
    ReattachAnswer::Lost {
        reason: WORKER_RESTARTED.to_owned(),
    }
}

fn refuse(reason: &str) -> DispatchDecision {
    DispatchDecision::Answer(DispatchAnswer::refused(reason))
}

/// The least uid of an instance in a generation.
fn first_uid(generation: Generation, instance: InstanceId) -> DispatchId {
    DispatchId {
        generation,
        instance,
        task_index: TaskIndex(0),
        attempt: AttemptNumber(0),
        dispatch_number: 0,
    }
}

#[cfg(test)]
mod tests;
