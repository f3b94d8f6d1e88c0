//! Runs one workflow instance: a shell round `engine::instance`.
//!
//! Owns the instance's state, which is a cache of rows. In: events of workers, granted slots, commands from the inbox,
//! due times. Out: one commit at a time through `DbActor`, and after it what the commit decided: attempts and kills to
//! `DispatchActor`, replies, timers. If it dies, its exit notice reaches the `MasterActor`, which reloads the instance
//! from the store; nothing that was not stored has been shown or sent.

mod commit_loop;
mod inbox;

use std::sync::Arc;

use actix::prelude::*;
use engine::ids::{Epoch, Incarnation, InstanceId};
use engine::instance::{Effect, Event};
use tokio::sync::oneshot;

use crate::execution::commit_events::CommitEvent;
use crate::execution::commit_queue::{CommitQueue, HeldSlots};
use crate::execution::last_activity::LastActivity;
use crate::execution::loading::{LoadContext, LoadMode, LoadResult, load_instance};
use crate::execution::running_instance::RunningInstance;
use crate::execution::slots::SlotGranted;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::fail_points::fail_point;
use crate::messages::Observe;
use crate::messages::dispatch::{AttemptQuery, QueryAttempts};
#[cfg(any(test, feature = "testing"))]
use crate::messages::workflow::Crash;
use crate::messages::workflow::{
    ActorExit, DeliverEvents, DeliveryOutcome, ExitReason, FollowClock, OwnershipLost, ReadInbox,
    RecoveryCounts, WorkerDead,
};
use crate::protocol::Owner;

/// The number of messages in the mailbox of one instance from which senders wait for room.
const MAILBOX: usize = 1024;

/// The instance that an actor runs.
#[derive(Debug)]
pub struct Assignment {
    /// The instance.
    pub id: InstanceId,
    /// The epoch under which this node owns it.
    pub epoch: Epoch,
    /// Where the actor records that it received an event.
    pub activity: LastActivity,
}

/// Runs one instance.
pub struct WorkflowActor {
    assignment: Assignment,
    deps: WorkflowDeps,
    load_mode: Option<LoadMode>,
    instance: Option<RunningInstance>,
    queue: CommitQueue,
    /// A commit is in flight, or a pause after one that failed.
    committing: bool,
    /// Commits in a row that the store could not take or refused.
    failures: u32,
    slots: HeldSlots,
    /// The steps of this machine's clock that the stored due times have followed.
    stepped_ms: i64,
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
        let exit = ExitNotice::new(assignment.id, assignment.epoch, exits);
        let stepped_ms = deps.clock.read().stepped_ms;
        Self {
            assignment,
            deps,
            load_mode: Some(load_mode),
            instance: None,
            queue: CommitQueue::default(),
            committing: false,
            failures: 0,
            slots: HeldSlots::default(),
            stepped_ms,
            timer: None,
            exit,
        }
    }

    /// Ends the actor.
    fn end(&mut self, reason: ExitReason, ctx: &mut Context<Self>) {
        self.exit.reason = reason;
        self.instance = None;
        self.queue.clear();
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
            mut instance,
            definition,
            context,
        } = loaded;
        let commands = std::mem::take(&mut instance.commands);
        let results = std::mem::take(&mut instance.results);
        let duplicates = instance.duplicate_open_attempts.len();
        if duplicates > 0 {
            tracing::error!(instance = %self.assignment.id, duplicates, "more than one attempt of a task is open");
        }
        let instance = RunningInstance::new(instance, definition);
        let pending = engine::instance::pending_effects(&instance.state);
        self.instance = Some(instance);
        match context {
            LoadContext::Quarantine(attention) => {
                self.queue.push_events([Event::Quarantine { attention }]);
                return self.pump(ctx);
            }
            LoadContext::Plain => self.resume_pending(pending, None, ctx),
            LoadContext::Takeover(tracker) => {
                fail_point("takeover.before_query");
                self.resume_pending(pending, Some(tracker.counts), ctx);
                // Nothing waits for the load any more when the take-over itself was given up.
                tracker.loaded.send(()).ok();
                fail_point("takeover.after_load");
            }
        }
        self.queue_results(results, ctx);
        self.queue.push_events([Event::Loaded]);
        if let Some(instance) = &self.instance {
            self.queue.push_commands(commands, instance);
        }
        self.pump(ctx);
    }

    /// Runs the pending effects again. An attempt that may be at its worker is queried, not sent again.
    fn resume_pending(
        &mut self,
        pending: Vec<Effect>,
        counts: Option<Arc<RecoveryCounts>>,
        ctx: &mut Context<Self>,
    ) {
        let is_dispatch = |effect: &Effect| matches!(effect, Effect::Dispatch { .. });
        let effects = pending.into_iter().filter(|effect| !is_dispatch(effect));
        self.run_effects(effects.collect(), ctx);
        let Some(instance) = &self.instance else { return };
        let mut queries = Vec::new();
        for (task_index, query) in instance.attempts_at_workers() {
            self.slots
                .insert(task_index, self.deps.slots.reserve(&query.worker));
            queries.push(query);
        }
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
            owner: self.owner(),
            attempts,
            counts,
            reply_to: ctx.address().recipient(),
        });
    }

    /// Queries the attempts that were at a dead worker, since a later incarnation of its node may know more.
    fn query_attempts_at(&self, dead: Incarnation, ctx: &mut Context<Self>) {
        let Some(instance) = &self.instance else { return };
        let attempts = instance.attempts_at_workers().map(|(_, query)| query);
        let there = attempts.filter(|query| query.worker.incarnation == dead);
        self.query_attempts(there.collect(), None, ctx);
    }

    /// Wakes the clients that wait on this node for a commit: they read the instance and find another owner.
    fn publish_handover(&self) {
        let Some(instance) = &self.instance else { return };
        self.deps.commit_events.publish(CommitEvent {
            id: self.assignment.id,
            at: self.deps.clock.now(),
            host: self.deps.this_node.host.clone(),
            epoch: self.assignment.epoch,
            state: Some(instance.state.record().state),
            transitions: Vec::new(),
            decided: Vec::new(),
        });
    }

    fn owner(&self) -> Owner {
        Owner {
            incarnation: self.deps.this_node.incarnation,
            host: self.deps.this_node.host.clone(),
            generation: self.deps.this_node.generation,
            epoch: self.assignment.epoch,
        }
    }
}

/// Sends `ActorExit` when it is dropped: actix drops an actor's fields also when a handler panics, which its own
/// supervisor does not notice.
struct ExitNotice {
    id: InstanceId,
    epoch: Epoch,
    reason: ExitReason,
    exits: Recipient<ActorExit>,
}

impl ExitNotice {
    fn new(id: InstanceId, epoch: Epoch, exits: Recipient<ActorExit>) -> Self {
        Self {
            id,
            epoch,
            reason: ExitReason::Panicked,
            exits,
        }
    }
}

impl Drop for ExitNotice {
    fn drop(&mut self) {
        let reason = if std::thread::panicking() {
            ExitReason::Panicked
        } else {
            self.reason
        };
        self.exits.do_send(ActorExit {
            id: self.id,
            epoch: self.epoch,
            reason,
        });
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
        self.queue.push_granted(granted);
        self.pump(ctx);
    }
}

impl Handler<FollowClock> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, _: FollowClock, ctx: &mut Self::Context) {
        self.pump(ctx);
    }
}

impl Handler<WorkerDead> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, WorkerDead(dead): WorkerDead, ctx: &mut Self::Context) {
        self.query_attempts_at(dead, ctx);
    }
}

impl Handler<OwnershipLost> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, _: OwnershipLost, ctx: &mut Self::Context) {
        self.publish_handover();
        self.end(ExitReason::Fenced, ctx);
    }
}

impl Handler<Observe> for WorkflowActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        let state = self.instance.as_ref().map(|instance| &instance.state);
        MessageResult(serde_json::json!({
            "instance": self.assignment.id,
            "epoch": self.assignment.epoch,
            "state": state.map(|state| state.record().state),
            "revision": state.map(|state| state.rows.revision),
            "queued": self.queue.len(),
            "committing": self.committing,
            "failures": self.failures,
            "slots_held": self.slots.len(),
        }))
    }
}

#[cfg(any(test, feature = "testing"))]
impl Handler<Crash> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("crash of instance {} as the test asked", self.assignment.id);
    }
}
