//! The only way in which the state of an instance changes: queue, decide, commit, apply, act.
//!
//! One commit is in flight at a time. The state is replaced, and effects are returned to the actor, only when the commit
//! that decided them is stored.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::ids::{Incarnation, TaskIndex, Timestamp};
use engine::instance::{Effect, Event};
use engine::limits::ProjectCap;
use engine::place::PlaceOutlook;
use engine::states::{Attention, InstanceState};
use tokio::sync::oneshot;

use actix::prelude::*;

use crate::execution::assignment::Assignment;
use crate::execution::commit_queue::{CommitQueue, DecidedCommit, DecisionMoment, HeldSlots, RefusalRisk};
use crate::execution::effects::{EffectRunner, FollowUps};
use crate::execution::inbox_reader::QueuedResults;
use crate::execution::instance_metrics::record_commit;
use crate::execution::running_instance::{PlanChange, RunningInstance};
use crate::execution::slots::SlotGranted;
use crate::execution::watches::Watches;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::execution::write_verdict::{MAX_REFUSALS, WriteFailures, WriteVerdict};
use crate::messages::dispatch::AttemptQuery;
use crate::messages::master::LookTarget;
use crate::messages::workflow::{DeliverEvents, DeliveryOutcome};
use ports::commit_events::CommitEvent;
use ports::fail_points::fail_point;
use ports::{InboxCommand, InstanceCommit, LimitKey, RelayedResult, StoreError, WriteOutcome};

/// Whether the next commit can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CyclePhase {
    /// Nothing is in flight.
    Ready,
    /// A commit is in flight.
    Committing,
    /// A commit failed; the next one is decided after a pause.
    Pausing,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitOutcome {
    /// It is stored and applied.
    Applied,
    /// It is not stored: continue with `resume` after this pause.
    Paused(Duration),
    /// It is not stored, because limits have no room: the tasks wait, and the next commit is decided at once.
    NoRoom,
    /// The state in memory may differ from what is stored.
    OutOfSync,
}

/// The state of an instance that this node runs, and what waits for its next commit.
pub(crate) struct CommitCycle {
    assignment: Assignment,
    deps: WorkflowDeps,
    instance: RunningInstance,
    queue: CommitQueue,
    slots: HeldSlots,
    phase: CyclePhase,
    failures: WriteFailures,
    /// What the store said about the place of the next run.
    places: PlaceOutlook,
    watches: Watches,
    /// Labels that a user edited: the next decision sees them.
    labels: Option<BTreeMap<String, String>>,
    /// The steps of this machine's clock that the stored due times have followed.
    stepped_ms: i64,
}

impl CommitCycle {
    /// Makes the cycle of a loaded instance.
    pub(crate) fn new(assignment: Assignment, deps: WorkflowDeps, instance: RunningInstance) -> Self {
        Self {
            stepped_ms: deps.clock.read().stepped_ms,
            assignment,
            deps,
            instance,
            queue: CommitQueue::default(),
            slots: HeldSlots::default(),
            phase: CyclePhase::Ready,
            failures: WriteFailures::default(),
            places: PlaceOutlook::default(),
            watches: Watches::default(),
            labels: None,
        }
    }

    /// Queues events.
    pub(crate) fn queue_events(&mut self, events: impl IntoIterator<Item = Event>) {
        self.queue.push_events(events);
    }

    /// Queues a reply, which is sent when everything before it is stored.
    pub(crate) fn queue_reply(&mut self, reply: oneshot::Sender<DeliveryOutcome>) {
        self.queue.push_reply(reply);
    }

    /// Queues a granted slot.
    pub(crate) fn queue_granted(&mut self, granted: SlotGranted) {
        self.queue.push_granted(granted);
    }

    /// Queues commands, each once.
    pub(crate) fn queue_commands(&mut self, commands: Vec<InboxCommand>) {
        self.queue.push_commands(commands, &self.instance);
    }

    /// Lets the next decision see the labels that a user edited.
    pub(crate) fn queue_labels(&mut self, labels: Option<BTreeMap<String, String>>) {
        self.labels = labels.or(self.labels.take());
    }

    /// Queues results that workers gave to other masters; what is returned is marked when they are stored.
    pub(crate) fn queue_results(&mut self, results: Vec<RelayedResult>) -> Option<QueuedResults> {
        self.queue.push_results(results)
    }

    /// Decides everything that is queued, unless a commit is in flight. A commit without changes is complete; any other
    /// one is in flight until `settle`.
    pub(crate) fn decide(&mut self) -> Option<DecidedCommit> {
        if self.phase != CyclePhase::Ready {
            return None;
        }
        if let Some(labels) = self.labels.take() {
            self.instance.set_labels(labels);
        }
        let reading = self.deps.clock.read();
        let by_ms = reading.stepped_ms - self.stepped_ms;
        if by_ms != 0 {
            self.queue.push_first(Event::ClockStepped { by_ms });
        }
        if self.queue.is_empty() {
            return None;
        }
        self.assignment.activity.record(reading.now);
        let cap = self.deps.limits.cap_of(self.instance.project());
        let moment = DecisionMoment {
            reading,
            places: self.places.clone(),
            cap,
            risk: if cap == ProjectCap::Counted || self.instance.names_limits() {
                RefusalRisk::Limits
            } else {
                RefusalRisk::None
            },
        };
        let commit = self
            .queue
            .decide(&self.instance, &self.deps.slots, &mut self.slots, moment);
        if commit.changes.is_empty() {
            self.stepped_ms = commit.stepped_ms;
            self.slots.release(&commit.granted);
        } else {
            self.phase = CyclePhase::Committing;
        }
        Some(commit)
    }

    /// Returns what the store has to write for a commit.
    pub(crate) fn write_of(&self, commit: &DecidedCommit) -> InstanceCommit {
        InstanceCommit {
            id: self.assignment.id,
            owner: self.deps.this_node.incarnation,
            host: self.deps.this_node.host.clone(),
            epoch: self.assignment.epoch,
            revision: self.instance.state.rows.revision,
            at: commit.at,
            changes: commit.changes.clone(),
        }
    }

    /// Takes the store's answer to the commit in flight.
    pub(crate) fn settle(
        &mut self,
        written: Result<WriteOutcome, StoreError>,
        commit: &mut DecidedCommit,
    ) -> CommitOutcome {
        self.phase = CyclePhase::Ready;
        let instance = self.assignment.id;
        match self.failures.judge(written) {
            WriteVerdict::Apply => {
                self.apply(commit);
                CommitOutcome::Applied
            }
            WriteVerdict::Retry { after, reason } => {
                tracing::warn!(%instance, reason, "holding: database unreachable");
                self.pause(after, commit)
            }
            WriteVerdict::Refused { after, reason } => {
                tracing::error!(%instance, reason, changes = ?commit.changes, "the store refused a commit");
                if self.failures.refusals_exhausted() {
                    self.quarantine(&reason);
                }
                self.pause(after, commit)
            }
            WriteVerdict::NoPlace(places) => {
                self.places = places;
                self.pause(Duration::ZERO, commit)
            }
            WriteVerdict::NoRoom { refused } => {
                metrics::counter!("porpoise_limit_refusals_total").increment(refused.len() as u64);
                self.queue.requeue(commit, &mut self.slots, refused);
                CommitOutcome::NoRoom
            }
            WriteVerdict::Fenced => {
                metrics::counter!("porpoise_fenced_writes_total").increment(1);
                CommitOutcome::OutOfSync
            }
            WriteVerdict::Reload => CommitOutcome::OutOfSync,
        }
    }

    fn apply(&mut self, commit: &DecidedCommit) {
        self.stepped_ms = commit.stepped_ms;
        self.places = PlaceOutlook::default();
        record_commit(&self.instance, &commit.changes, commit.at);
        let state = commit.changes.record.as_ref().map(|record| record.state);
        let has_new_state = state.is_some_and(|state| state != self.instance.state.record().state);
        let is_visible_to_parent = has_new_state || self.changes_attention(commit);
        if self.instance.apply(&commit.changes) == PlanChange::Replaced && !commit.changes.releases_owner {
            self.queue.push_events([Event::Loaded]);
        }
        self.slots.release_unbound(commit, &self.instance);
        self.look_at_limits(commit);
        self.watches.close_ended(&self.instance);
        self.deps.commit_events.publish(CommitEvent {
            transitions: commit.changes.transitions.clone(),
            decided: commit.changes.decisions.clone(),
            ..self.commit_event(commit.at, state)
        });
        if let Some(parent) = self.instance.parent.filter(|_| is_visible_to_parent) {
            fail_point("children.before_notice");
            self.deps.notices.publish_change(LookTarget::instance(parent));
            self.deps.commit_events.publish_parent(parent);
        }
        if let Some(backfill) = self.instance.backfill.filter(|_| has_new_state) {
            self.deps.commit_events.publish_backfill(backfill);
        }
        if has_new_state && state.is_some_and(InstanceState::is_final) {
            self.deps.commit_events.publish_end();
        }
        self.instance.gated |= commit.changes.place.is_some();
        if has_new_state && self.instance.gated {
            self.deps.commit_events.notify_places();
        }
    }

    /// Has the queues looked at in which other tasks may have room after a commit.
    fn look_at_limits(&self, commit: &DecidedCommit) {
        let changed = commit.changes.limits.iter();
        let names = changed
            .filter(|change| change.may_admit_others())
            .flat_map(|change| &change.limits);
        let keys = names.map(|limit| LimitKey {
            project: self.instance.project().to_string(),
            name: limit.name.clone(),
        });
        self.deps.limits.look_at(keys.collect());
    }

    fn changes_attention(&self, commit: &DecidedCommit) -> bool {
        let record = commit.changes.record.as_ref();
        record.is_some_and(|record| record.attention != self.instance.state.record().attention)
    }

    /// The events of the failed commit are gone: their senders repeat them, and the pending effects are derived from the
    /// state again.
    fn pause(&mut self, after: Duration, commit: &DecidedCommit) -> CommitOutcome {
        self.slots.release(&commit.granted);
        self.queue.forget_commands();
        self.phase = CyclePhase::Pausing;
        CommitOutcome::Paused(after)
    }

    /// The next commit only stores that the instance needs attention.
    fn quarantine(&mut self, reason: &str) {
        let detail =
            format!("the store refused {MAX_REFUSALS} commits in a row; see the server log: {reason}");
        let attention = Attention {
            code: "STORE_REFUSED".to_owned(),
            detail,
        };
        self.queue.clear();
        self.queue.push_events([Event::Quarantine { attention }]);
    }

    /// Ends the pause after a failed commit.
    pub(crate) fn resume(&mut self) {
        self.phase = CyclePhase::Ready;
    }

    /// Runs effects and queues the events that follow; returns when the actor has to wake for a due time.
    pub(crate) fn run_effects(
        &mut self,
        effects: Vec<Effect>,
        reply_to: Recipient<DeliverEvents>,
    ) -> Option<Timestamp> {
        let owner = self.deps.owner(self.assignment.epoch);
        let runner = EffectRunner::new(&self.deps, &self.instance, owner, reply_to.clone());
        let FollowUps {
            events,
            wake_at,
            watches,
        } = runner.run(effects);
        for request in watches {
            self.watches.start(&self.deps, &self.instance, request, &reply_to);
        }
        self.queue.push_events(events);
        wake_at
    }

    /// Looks at once at what attempts in the owner wait for: of one task, or of all.
    pub(crate) fn look_again(&self, task_index: Option<TaskIndex>) {
        self.watches.look_again(task_index);
    }

    /// Derives from the state what it needs from the outside.
    pub(crate) fn pending_effects(&self) -> Vec<Effect> {
        engine::instance::pending_effects(&self.instance.plan, &self.instance.state)
    }

    /// Holds the slots of the attempts that may be at a worker, and returns the queries for them.
    pub(crate) fn reserve_slots(&mut self) -> Vec<AttemptQuery> {
        let mut queries = Vec::new();
        for (task_index, query) in self.instance.attempts_at_workers() {
            self.slots
                .insert(task_index, self.deps.slots.reserve(&query.worker));
            queries.push(query);
        }
        queries
    }

    /// Returns queries for the attempts that are at a worker.
    pub(crate) fn attempts_at(&self, worker: Incarnation) -> Vec<AttemptQuery> {
        let attempts = self.instance.attempts_at_workers().map(|(_, query)| query);
        attempts
            .filter(|query| query.worker.incarnation == worker)
            .collect()
    }

    /// Wakes the clients that wait on this node for a commit: they read the instance and find another owner.
    pub(crate) fn publish_handover(&self) {
        let state = self.instance.state.record().state;
        let event = self.commit_event(self.deps.clock.now(), Some(state));
        self.deps.commit_events.publish(event);
    }

    fn commit_event(&self, at: Timestamp, state: Option<InstanceState>) -> CommitEvent {
        CommitEvent {
            id: self.assignment.id,
            at,
            host: self.deps.this_node.host.clone(),
            epoch: self.assignment.epoch,
            state,
            transitions: Vec::new(),
            decided: Vec::new(),
        }
    }

    /// Returns the name of the instance's project.
    pub(crate) fn project(&self) -> &str {
        self.instance.project()
    }

    /// Returns a snapshot for the debug route.
    pub(crate) fn observe(&self) -> serde_json::Value {
        serde_json::json!({
            "state": self.instance.state.record().state,
            "revision": self.instance.state.rows.revision,
            "queued": self.queue.len(),
            "committing": self.phase != CyclePhase::Ready,
            "failures": self.failures.total(),
            "slots_held": self.slots.len(),
        })
    }
}
