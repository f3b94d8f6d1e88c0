//! The only way in which the state of an instance changes: queue, decide, commit, apply, act.

use std::time::Duration;

use actix::prelude::*;
use engine::ids::Timestamp;
use engine::instance::{Effect, Event};
use engine::states::Attention;
use tokio::sync::oneshot;

use crate::backoff::Backoff;
use crate::clock::ClockReading;
use crate::execution::commit_events::CommitEvent;
use crate::execution::commit_queue::DecidedCommit;
use crate::execution::db_actor::write_one;
use crate::execution::effects::{EffectRunner, FollowUps};
use crate::execution::instance_metrics::record_commit;
use crate::execution::workflow_actor::WorkflowActor;
use crate::messages::workflow::{DeliveryOutcome, ExitReason};
use crate::ports::{InstanceCommit, StoreError, Write, WriteOutcome};

/// Refused commits in a row after which the instance needs attention: the store says that the same commit will fail the
/// same way.
const MAX_REFUSALS: u32 = 3;

/// The pauses before a commit that the store could not take is tried again.
const COMMIT_PAUSE: Backoff = Backoff::between(Duration::from_millis(100), Duration::from_secs(5));

impl WorkflowActor {
    /// Decides everything that is queued and starts its commit, unless one is in flight.
    pub(super) fn pump(&mut self, ctx: &mut Context<Self>) {
        while !self.committing {
            let Some(instance) = &self.instance else { return };
            let reading = self.deps.clock.read();
            let by_ms = reading.stepped_ms - self.stepped_ms;
            if by_ms != 0 {
                self.queue.push_first(Event::ClockStepped { by_ms });
            }
            if self.queue.is_empty() {
                return;
            }
            let at = reading.now;
            self.assignment.activity.record(at);
            let commit = self.queue.decide(instance, &self.deps.slots, &mut self.slots, at);
            if !commit.changes.is_empty() {
                return self.start_commit(commit, reading, ctx);
            }
            self.stepped_ms = reading.stepped_ms;
            self.slots.release(&commit.granted);
            self.finish(commit, ctx);
        }
    }

    fn start_commit(&mut self, commit: DecidedCommit, reading: ClockReading, ctx: &mut Context<Self>) {
        let Some(instance) = &self.instance else { return };
        let entry = InstanceCommit {
            id: self.assignment.id,
            owner: self.deps.this_node.incarnation,
            host: self.deps.this_node.host.clone(),
            epoch: self.assignment.epoch,
            revision: instance.state.rows.revision,
            at: reading.now,
            changes: commit.changes.clone(),
        };
        self.committing = true;
        let db = self.deps.db.clone();
        let written = async move { write_one(&db, Write::Commit(entry)).await };
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            actor.committing = false;
            actor.on_written(written, commit, reading, ctx);
            actor.pump(ctx);
        }));
    }

    fn on_written(
        &mut self,
        written: Result<WriteOutcome, StoreError>,
        commit: DecidedCommit,
        reading: ClockReading,
        ctx: &mut Context<Self>,
    ) {
        match written {
            Ok(WriteOutcome::Stored) => self.on_stored(commit, reading, ctx),
            Ok(WriteOutcome::Rejected(reason)) | Err(StoreError::Rejected(reason)) => {
                self.on_refused(&reason, &commit, ctx);
            }
            Err(StoreError::Unavailable(reason)) => {
                tracing::warn!(instance = %self.assignment.id, reason, "holding: database unreachable");
                self.failures += 1;
                self.slots.release(&commit.granted);
                self.retry_after_pause(ctx);
            }
            Ok(WriteOutcome::Stale) => {
                metrics::counter!("porpoise_fenced_writes_total").increment(1);
                self.end(ExitReason::Resync, ctx);
            }
            Ok(WriteOutcome::Created { .. } | WriteOutcome::Known { .. } | WriteOutcome::KeyReused)
            | Err(StoreError::Uncertain(_)) => {
                self.end(ExitReason::Resync, ctx);
            }
        }
    }

    fn on_stored(&mut self, commit: DecidedCommit, reading: ClockReading, ctx: &mut Context<Self>) {
        let Some(instance) = &mut self.instance else {
            return;
        };
        let at = reading.now;
        self.stepped_ms = reading.stepped_ms;
        self.failures = 0;
        record_commit(instance, &commit.changes, at);
        engine::instance::apply(&instance.plan, &mut instance.state, &commit.changes);
        self.slots.release_unbound(&commit, instance);
        self.deps.commit_events.publish(CommitEvent {
            id: self.assignment.id,
            at,
            host: self.deps.this_node.host.clone(),
            epoch: self.assignment.epoch,
            state: commit.changes.record.as_ref().map(|record| record.state),
            transitions: commit.changes.transitions.clone(),
            decided: commit.changes.decisions.clone(),
        });
        let is_idle = commit.changes.releases_owner;
        self.finish(commit, ctx);
        if is_idle {
            self.end(ExitReason::Done, ctx);
        }
    }

    /// Runs the effects of a commit that is stored, or had nothing to store, and sends its replies.
    fn finish(&mut self, commit: DecidedCommit, ctx: &mut Context<Self>) {
        self.run_effects(commit.effects, ctx);
        for reply in commit.replies {
            reply.send(DeliveryOutcome::Stored).ok();
        }
    }

    fn on_refused(&mut self, reason: &str, commit: &DecidedCommit, ctx: &mut Context<Self>) {
        tracing::error!(
            instance = %self.assignment.id, reason, changes = ?commit.changes, "the store refused a commit"
        );
        self.failures += 1;
        self.slots.release(&commit.granted);
        if self.failures < MAX_REFUSALS {
            return self.retry_after_pause(ctx);
        }
        let detail =
            format!("the store refused {MAX_REFUSALS} commits in a row; see the server log: {reason}");
        let attention = Attention {
            code: "STORE_REFUSED".to_owned(),
            detail,
        };
        self.queue.clear();
        self.queue.push_events([Event::Quarantine { attention }]);
    }

    /// Continues after a pause that grows. The events of the failed commit are gone: their senders repeat them, and the
    /// actor's own pending effects are derived from the state again.
    fn retry_after_pause(&mut self, ctx: &mut Context<Self>) {
        self.committing = true;
        self.queue.forget_commands();
        ctx.run_later(COMMIT_PAUSE.delay(self.failures), |actor, ctx| {
            actor.committing = false;
            let Some(instance) = &actor.instance else { return };
            let pending = engine::instance::pending_effects(&instance.state);
            actor.run_effects(pending, ctx);
            actor.queue.push_events([Event::Loaded]);
            actor.read_inbox(oneshot::channel().0, ctx);
            actor.pump(ctx);
        });
    }

    pub(super) fn run_effects(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        let Some(instance) = &self.instance else { return };
        let reply_to = ctx.address().recipient();
        let runner = EffectRunner::new(&self.deps, instance, self.owner(), reply_to);
        let FollowUps { events, wake_at } = runner.run(effects);
        self.queue.push_events(events);
        if let Some(at) = wake_at {
            self.set_timer(at, ctx);
        }
    }

    /// Arms the one timer for the earliest due time, which replaces an earlier one.
    fn set_timer(&mut self, at: Timestamp, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let wait_ms = u64::try_from(at.since(self.deps.clock.now())).unwrap_or(0);
        // One millisecond more, so that the clock has surely passed the due time when the timer fires.
        let timer = ctx.run_later(Duration::from_millis(wait_ms + 1), |actor, ctx| {
            actor.timer = None;
            actor.queue.push_events([Event::Due]);
            actor.pump(ctx);
        });
        self.timer = Some(timer);
    }
}
