//! Runs one workflow instance: a shell round `engine::instance`.
//!
//! Owns the instance's state, which is a cache of rows. In: events of workers, granted slots, commands from the inbox,
//! due times. Out: one commit at a time through `DbActor`, and after it what the commit decided: attempts and kills to
//! `DispatchActor`, replies, timers. If it dies, its exit notice reaches the `MasterActor`, which reloads the instance
//! from the store; nothing that was not stored has been shown or sent.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::Timestamp;
use engine::instance::{Effect, Event};
use tokio::sync::oneshot;

use crate::execution::assignment::Assignment;
use crate::execution::commit_cycle::{CommitCycle, CommitOutcome};
use crate::execution::commit_queue::DecidedCommit;
use crate::execution::db_actor::write_one;
use crate::execution::exit_notice::ExitNotice;
use crate::execution::inbox_reader::{InboxContents, InboxReader, may_start_again};
use crate::execution::loading::{LoadContext, LoadMode, LoadResult, load_instance};
use crate::execution::slots::SlotGranted;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::messages::dispatch::{AttemptQuery, QueryAttempts};
use crate::messages::workflow::{
    ActorExit, DeliverEvents, DeliveryOutcome, ExitReason, FollowClock, LookAgain, OwnershipLost, ReadInbox,
    RecoveryCounts, WorkerDead,
};
use ports::Write;
use ports::fail_points::fail_point;

mod diagnostics;

mod limit_notices;

/// The number of messages in the mailbox of one instance from which senders wait for room.
const MAILBOX: usize = 1024;

/// The pause before the inbox is read again after a commit that was not stored.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Runs one instance.
pub struct WorkflowActor {
    assignment: Assignment,
    deps: WorkflowDeps,
    load_mode: Option<LoadMode>,
    inbox: InboxReader,
    /// The instance, from its load to the end of the actor.
    cycle: Option<CommitCycle>,
    timer: Option<SpawnHandle>,
    exit: ExitNotice,
}

impl WorkflowActor {
    /// Makes the actor of an owned instance, which it loads when it starts; `exits` receives its exit.
    pub fn new(
        assignment: Assignment,
        load_mode: LoadMode,
        deps: WorkflowDeps,
        exits: Recipient<ActorExit>,
    ) -> Self {
        Self {
            exit: ExitNotice::new(assignment.id, assignment.epoch, exits),
            inbox: InboxReader::new(Arc::clone(&deps.store), deps.clock.clone(), assignment.id),
            assignment,
            deps,
            load_mode: Some(load_mode),
            cycle: None,
            timer: None,
        }
    }

    /// Ends the actor.
    fn end(&mut self, reason: ExitReason, ctx: &mut Context<Self>) {
        self.exit.set_reason(reason);
        self.cycle = None;
        ctx.stop();
    }

    fn load(&mut self, ctx: &mut Context<Self>) {
        let (deps, id, epoch) = (self.deps.clone(), self.assignment.id, self.assignment.epoch);
        let mode = self.load_mode.take().unwrap_or(LoadMode::Recover);
        let load = async move { load_instance(&deps, id, epoch, mode).await };
        ctx.wait(load.into_actor(self).map(|loaded, actor, ctx| match loaded {
            Ok(Some(loaded)) => actor.initialise(loaded, ctx),
            Ok(None) => actor.end(ExitReason::Fenced, ctx),
            Err(error) => {
                tracing::warn!(instance = %actor.assignment.id, %error, "an instance could not be loaded");
                actor.end(ExitReason::Resync, ctx);
            }
        }));
    }

    fn initialise(&mut self, loaded: LoadResult, ctx: &mut Context<Self>) {
        let LoadResult {
            instance,
            found,
            context,
        } = loaded;
        let cycle = CommitCycle::new(self.assignment.clone(), self.deps.clone(), instance);
        let cycle = self.cycle.insert(cycle);
        self.deps
            .limits
            .register(self.assignment.id, cycle.project(), ctx.address().recipient());
        match context {
            LoadContext::Quarantine(attention) => {
                cycle.queue_events([Event::Quarantine { attention }]);
                return self.pump(ctx);
            }
            LoadContext::Plain => self.resume_pending(None, ctx),
            LoadContext::Takeover(tracker) => {
                fail_point("takeover.before_query");
                self.resume_pending(Some(tracker.counts), ctx);
                // Nothing waits for the load any more when the take-over itself was given up.
                tracker.loaded.send(()).ok();
                fail_point("takeover.after_load");
            }
        }
        self.queue_found(found, vec![Event::Loaded], oneshot::channel().0, ctx);
    }

    /// Runs the pending effects again. An attempt that may be at its worker is queried, not sent again.
    fn resume_pending(&mut self, counts: Option<Arc<RecoveryCounts>>, ctx: &mut Context<Self>) {
        let Some(cycle) = &mut self.cycle else { return };
        let mut effects = cycle.pending_effects();
        effects.retain(|effect| !matches!(effect, Effect::Dispatch { .. }));
        let queries = cycle.reserve_slots();
        self.run_effects(effects, ctx);
        self.query_attempts(queries, counts, ctx);
    }

    fn query_attempts(
        &self,
        attempts: Vec<AttemptQuery>,
        counts: Option<Arc<RecoveryCounts>>,
        ctx: &mut Context<Self>,
    ) {
        if attempts.is_empty() {
            return;
        }
        if let Some(counts) = &counts {
            attempts.iter().for_each(|_| counts.add_query());
        }
        self.deps.dispatch.do_send(QueryAttempts {
            owner: self.deps.owner(self.assignment.epoch),
            attempts,
            counts,
            reply_to: ctx.address().recipient(),
        });
    }

    /// Decides everything that is queued and starts its commit, unless one is in flight.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        while let Some(commit) = self.cycle.as_mut().and_then(CommitCycle::decide) {
            if !commit.changes.is_empty() {
                return self.write(commit, ctx);
            }
            self.finish(commit, ctx);
        }
    }

    fn write(&self, mut commit: DecidedCommit, ctx: &mut Context<Self>) {
        let Some(cycle) = &self.cycle else { return };
        let (db, write) = (self.deps.db.clone(), Write::Commit(cycle.write_of(&commit)));
        let written = async move { write_one(&db, write).await };
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            let Some(cycle) = &mut actor.cycle else { return };
            match cycle.settle(written, &mut commit) {
                CommitOutcome::Applied => actor.finish(commit, ctx),
                CommitOutcome::Paused(pause) => {
                    ctx.run_later(pause, Self::retry);
                }
                CommitOutcome::NoRoom => {}
                CommitOutcome::OutOfSync => actor.end(ExitReason::Resync, ctx),
            }
            actor.pump(ctx);
        }));
    }

    /// Runs the effects of a commit that is stored, or had nothing to store, and sends its replies.
    fn finish(&mut self, commit: DecidedCommit, ctx: &mut Context<Self>) {
        self.run_effects(commit.effects, ctx);
        for reply in commit.replies {
            reply.send(DeliveryOutcome::Stored).ok();
        }
        if commit.changes.releases_owner {
            self.end(ExitReason::Done, ctx);
        }
    }

    /// Continues after a commit that was not stored, with the pending effects and what is in the inbox: a stop that was
    /// accepted in the pause is decided before anything starts.
    fn retry(&mut self, ctx: &mut Context<Self>) {
        let read = self.inbox.clone().read();
        ctx.spawn(read.into_actor(self).map(|found, actor, ctx| match found {
            Ok(found) => actor.resume_with(found, ctx),
            Err(error) => {
                tracing::warn!(instance = %actor.assignment.id, %error, "the inbox could not be read");
                ctx.run_later(READ_PAUSE, Self::retry);
            }
        }));
    }

    fn resume_with(&mut self, found: InboxContents, ctx: &mut Context<Self>) {
        let Some(cycle) = &mut self.cycle else { return };
        cycle.resume();
        let pending = cycle.pending_effects();
        self.run_effects(pending, ctx);
        self.queue_found(found, vec![Event::Loaded], oneshot::channel().0, ctx);
    }

    fn push_events(&mut self, events: impl IntoIterator<Item = Event>, ctx: &mut Context<Self>) {
        if let Some(cycle) = &mut self.cycle {
            cycle.queue_events(events);
        }
        self.pump(ctx);
    }

    fn run_effects(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        let Some(cycle) = &mut self.cycle else { return };
        if let Some(at) = cycle.run_effects(effects, ctx.address().recipient()) {
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
            actor.push_events([Event::Due], ctx);
        });
        self.timer = Some(timer);
    }

    /// Queues the events of a worker; `reply` follows when they are decided.
    fn queue_delivered(
        &mut self,
        events: Vec<Event>,
        reply: oneshot::Sender<DeliveryOutcome>,
        ctx: &mut Context<Self>,
    ) {
        if events.iter().any(may_start_again) {
            return self.queue_after_inbox(events, reply, ctx);
        }
        let Some(cycle) = &mut self.cycle else { return };
        cycle.queue_events(events);
        cycle.queue_reply(reply);
        self.pump(ctx);
    }

    /// Queues losses together with what the inbox holds. A worker forgets an end that any master has stored, and answers a
    /// later query that the attempt is lost: the end may have been stored after this instance was loaded, but it was
    /// stored before that answer. A stop whose announcement was lost is decided before the attempt starts again.
    fn queue_after_inbox(
        &mut self,
        events: Vec<Event>,
        reply: oneshot::Sender<DeliveryOutcome>,
        ctx: &mut Context<Self>,
    ) {
        let read = self.inbox.clone().read();
        ctx.spawn(read.into_actor(self).map(move |found, actor, ctx| match found {
            Ok(found) => actor.queue_found(found, events, reply, ctx),
            Err(error) => {
                tracing::warn!(instance = %actor.assignment.id, %error, "the inbox could not be read after a loss");
                actor.end(ExitReason::Resync, ctx);
            }
        }));
    }

    /// Reads the inbox; `reply` follows when what was found is decided.
    fn read_inbox(&mut self, reply: oneshot::Sender<DeliveryOutcome>, ctx: &mut Context<Self>) {
        let read = self.inbox.clone().read();
        ctx.spawn(read.into_actor(self).map(move |found, actor, ctx| match found {
            Ok(found) => actor.queue_found(found, Vec::new(), reply, ctx),
            Err(error) => {
                tracing::warn!(instance = %actor.assignment.id, %error, "the inbox could not be read");
            }
        }));
    }

    /// Queues the results that the inbox held, then events, then its commands.
    fn queue_found(
        &mut self,
        found: InboxContents,
        events: Vec<Event>,
        reply: oneshot::Sender<DeliveryOutcome>,
        ctx: &mut Context<Self>,
    ) {
        let Some(cycle) = &mut self.cycle else { return };
        let results = cycle.queue_results(found.results);
        cycle.queue_events(events);
        cycle.queue_commands(found.commands);
        cycle.queue_labels(found.labels);
        cycle.queue_reply(reply);
        if let Some(results) = results {
            ctx.spawn(self.inbox.clone().mark_applied(results).into_actor(self));
        }
        self.pump(ctx);
    }
}

impl Actor for WorkflowActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.deps
            .slots
            .register(self.assignment.id, ctx.address().recipient());
        self.load(ctx);
    }
}

impl Drop for WorkflowActor {
    fn drop(&mut self) {
        self.deps.slots.unregister(self.assignment.id);
        self.deps.limits.unregister(self.assignment.id);
    }
}

impl Handler<DeliverEvents> for WorkflowActor {
    type Result = ResponseFuture<DeliveryOutcome>;

    fn handle(&mut self, DeliverEvents(events): DeliverEvents, ctx: &mut Self::Context) -> Self::Result {
        let (reply, outcome) = oneshot::channel();
        self.queue_delivered(events, reply, ctx);
        Box::pin(async move { outcome.await.unwrap_or(DeliveryOutcome::Later) })
    }
}

impl Handler<ReadInbox> for WorkflowActor {
    type Result = ResponseFuture<DeliveryOutcome>;

    fn handle(&mut self, _: ReadInbox, ctx: &mut Self::Context) -> Self::Result {
        let (reply, outcome) = oneshot::channel();
        self.read_inbox(reply, ctx);
        Box::pin(async move { outcome.await.unwrap_or(DeliveryOutcome::Later) })
    }
}

impl Handler<SlotGranted> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, granted: SlotGranted, ctx: &mut Self::Context) {
        if let Some(cycle) = &mut self.cycle {
            cycle.queue_granted(granted);
        }
        self.pump(ctx);
    }
}

impl Handler<FollowClock> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, _: FollowClock, ctx: &mut Self::Context) {
        self.pump(ctx);
    }
}

impl Handler<LookAgain> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, LookAgain { task_index }: LookAgain, _: &mut Self::Context) {
        if let Some(cycle) = &self.cycle {
            cycle.look_again(task_index);
        }
    }
}

impl Handler<WorkerDead> for WorkflowActor {
    type Result = ();

    /// A later incarnation of the dead worker's node may know more of its attempts.
    fn handle(&mut self, WorkerDead(dead): WorkerDead, ctx: &mut Self::Context) {
        let Some(cycle) = &self.cycle else { return };
        self.query_attempts(cycle.attempts_at(dead), None, ctx);
    }
}

impl Handler<OwnershipLost> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, _: OwnershipLost, ctx: &mut Self::Context) {
        if let Some(cycle) = &self.cycle {
            cycle.publish_handover();
        }
        self.end(ExitReason::Fenced, ctx);
    }
}

#[cfg(test)]
mod tests;
