//! The one way in which the state changes: queue, decide, commit, apply, act.

use std::time::Duration;

use actix::prelude::*;
use engine::ids::{InstanceId, TaskIndex, Timestamp};
use engine::instance::{Changes, Effect, Event, SlotDemand, StepBatch};
use engine::states::AttemptState;
use engine::states::Attention;
use tokio::sync::oneshot;

use super::{Delivered, Item, Why, WorkflowActor};
use crate::db;
use crate::hub::Committed;
use crate::ports::{InstanceCommit, StoreError, Write, Written};
use crate::protocol::Owner;
use crate::slots::{Answer, Wish};

/// Refused commits in a row before a person is asked: the store says that the same again fails the same way.
const REFUSALS: u32 = 3;

/// The longest wait before a commit that the store could not take is tried again.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A decided round on its way to the store.
struct Decision {
    changes: Changes,
    effects: Vec<Effect>,
    granted: Vec<TaskIndex>,
    answers: Vec<oneshot::Sender<Delivered>>,
}

impl WorkflowActor {
    /// Decides everything that is queued and starts its commit, unless one is in flight.
    pub(super) fn pump(&mut self, ctx: &mut Context<Self>) {
        while !self.committing && !self.queue.is_empty() && self.live.is_some() {
            let at = self.around.clock.now();
            self.stirred.note(at);
            let Some(decision) = self.decide(at) else { return };
            if !decision.changes.is_empty() {
                return self.commit(decision, at, ctx);
            }
            self.settle(decision, ctx);
        }
    }

    fn decide(&mut self, at: Timestamp) -> Option<Decision> {
        let live = self.live.as_ref()?;
        let mut round = StepBatch::new(&live.plan, &live.state, at);
        let (mut answers, mut granted) = (Vec::new(), Vec::new());
        for item in self.queue.drain(..) {
            match item {
                Item::Event(event) => round.step(event),
                Item::Answer(answer) => answers.push(answer),
                Item::Granted(task_index, lease) => {
                    round.step(Event::SlotGranted {
                        task_index,
                        worker: lease.worker().clone(),
                    });
                    self.leases.insert(task_index, lease);
                    granted.push(task_index);
                }
            }
        }
        for wanted in round.slot_demands() {
            let task_index = wanted.task_index;
            match self.around.slots.ask(&wanted.group, wish(self.id, &wanted)) {
                Answer::Granted(lease) => {
                    round.step(Event::SlotGranted {
                        task_index,
                        worker: lease.worker().clone(),
                    });
                    self.leases.insert(task_index, lease);
                    granted.push(task_index);
                }
                Answer::Wait(reason) => round.step(Event::NoSlot { task_index, reason }),
            }
        }
        let (changes, effects) = round.finish();
        Some(Decision {
            changes,
            effects,
            granted,
            answers,
        })
    }

    fn commit(&mut self, decision: Decision, at: Timestamp, ctx: &mut Context<Self>) {
        let Some(live) = &self.live else { return };
        let commit = InstanceCommit {
            id: self.id,
            owner: self.around.me.incarnation,
            host: self.around.me.host.clone(),
            epoch: self.epoch,
            revision: live.state.rows.revision,
            at,
            changes: decision.changes.clone(),
        };
        self.committing = true;
        let db = self.around.db.clone();
        let written = async move { db::write(&db, Write::Commit(commit)).await };
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            actor.committing = false;
            actor.committed(written, decision, at, ctx);
            actor.pump(ctx);
        }));
    }

    fn committed(
        &mut self,
        written: Result<Written, StoreError>,
        decision: Decision,
        at: Timestamp,
        ctx: &mut Context<Self>,
    ) {
        match written {
            Ok(Written::Stored) => self.stored(decision, at, ctx),
            Ok(Written::Rejected(why)) | Err(StoreError::Rejected(why)) => self.refused(why, decision, ctx),
            Err(StoreError::Unavailable(why)) => {
                tracing::warn!(instance = %self.id, why, "holding: database unreachable");
                self.failures += 1;
                self.drop_grants(&decision.granted);
                self.retry_after_pause(ctx);
            }
            Ok(Written::Stale) => {
                metrics::counter!("porpoise_fenced_writes_total").increment(1);
                self.end(Why::Resync, ctx);
            }
            Ok(Written::Created { .. } | Written::Known { .. } | Written::KeyReused)
            | Err(StoreError::Uncertain(_)) => {
                self.end(Why::Resync, ctx);
            }
        }
    }

    fn stored(&mut self, decision: Decision, at: Timestamp, ctx: &mut Context<Self>) {
        let Some(live) = &mut self.live else { return };
        self.failures = 0;
        engine::instance::apply(&live.plan, &mut live.state, &decision.changes);
        self.around.hub.publish(Committed {
            id: self.id,
            at,
            host: self.around.me.host.clone(),
            epoch: self.epoch,
            state: decision.changes.record.as_ref().map(|record| record.state),
            transitions: decision.changes.transitions.clone(),
            decided: decision.changes.decisions.clone(),
        });
        self.settle_leases(&decision);
        let rests = decision.changes.releases_owner;
        self.settle(decision, ctx);
        if rests {
            self.end(Why::Done, ctx);
        }
    }

    /// Runs the effects of a round that is stored, or had nothing to store, and answers who waits for it.
    fn settle(&mut self, decision: Decision, ctx: &mut Context<Self>) {
        if decision.changes.is_empty() {
            self.drop_grants(&decision.granted);
        }
        self.run(decision.effects, ctx);
        for answer in decision.answers {
            answer.send(Delivered::Stored).ok();
        }
    }

    /// Keeps the leases of attempts that are at a worker, and drops the others of the tasks that changed.
    fn settle_leases(&mut self, decision: &Decision) {
        let Some(live) = &self.live else { return };
        let changed = decision.changes.tasks.keys().chain(&decision.granted);
        for task_index in changed {
            let bound = live.state.task(*task_index).is_some_and(|task| {
                task.attempt.as_ref().is_some_and(|attempt| {
                    attempt.worker.is_some()
                        && matches!(attempt.state, AttemptState::Created | AttemptState::Running)
                })
            });
            if !bound {
                self.leases.remove(task_index);
            }
        }
    }

    fn drop_grants(&mut self, granted: &[TaskIndex]) {
        for task_index in granted {
            self.leases.remove(task_index);
        }
    }

    fn refused(&mut self, why: String, decision: Decision, ctx: &mut Context<Self>) {
        tracing::error!(instance = %self.id, why, changes = ?decision.changes, "the store refused a commit");
        self.failures += 1;
        self.drop_grants(&decision.granted);
        if self.failures < REFUSALS {
            return self.retry_after_pause(ctx);
        }
        let detail = format!("the store refused {REFUSALS} commits in a row; see the server log: {why}");
        let attention = Attention {
            code: "STORE_REFUSED".to_owned(),
            detail,
        };
        self.queue.clear();
        self.queue.push_back(Item::Event(Event::Quarantine { attention }));
    }

    /// Goes on after a pause that grows. The events of the round are gone: who sent them sends them again,
    /// and what this actor owed itself is derived from the state anew.
    fn retry_after_pause(&mut self, ctx: &mut Context<Self>) {
        let pause = Duration::from_millis(100 << self.failures.min(6)).min(MAX_PAUSE);
        self.committing = true;
        self.seen_operations.clear();
        ctx.run_later(pause, |actor, ctx| {
            actor.committing = false;
            let Some(live) = &actor.live else { return };
            let owed = engine::instance::pending_effects(&live.state);
            actor.run(owed, ctx);
            actor.queue.push_back(Item::Event(Event::Loaded));
            actor.read_inbox(oneshot::channel().0, ctx);
            actor.pump(ctx);
        });
    }

    /// Returns who this actor speaks as.
    pub(super) fn owner(&self) -> Owner {
        Owner {
            incarnation: self.around.me.incarnation,
            host: self.around.me.host.clone(),
            generation: self.around.me.generation,
            epoch: self.epoch,
        }
    }
}

fn wish(instance: InstanceId, wanted: &SlotDemand) -> Wish {
    Wish {
        instance_priority: wanted.instance_priority,
        task_priority: wanted.task_priority,
        ready_at: wanted.ready_at,
        instance,
        task_index: wanted.task_index,
    }
}
