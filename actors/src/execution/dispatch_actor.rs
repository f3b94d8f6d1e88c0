//! Sends attempts, kills and queries to workers, in batches, until each is answered.
//!
//! In: what workflow actors decided. Out: one request at a time per worker by `RpcClient`, and the answers as
//! events. A batch is what queued while the last one was in flight. If it dies, the node ends, since no other actor would
//! send the pending effects.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Epoch, Incarnation};
use engine::task::Worker;

use crate::execution::dispatch_batch::send_batch;
use crate::execution::dispatch_connections::{DispatchReadiness, add_connection, needs_connection};
use crate::execution::dispatch_deps::DispatchDeps;
use crate::execution::dispatch_queue::{DispatchQueue, PendingMessage, WorkerMessage};
use crate::execution::event_delivery::{RETRY_PAUSE, deliver};
use crate::execution::recovery_query::{DeferredLoss, QuerySteps, RecoveryQuery};
use crate::execution::secret_actor::SecretActor;
use crate::execution::store_outage::StoreOutage;
use crate::execution::worker_directory::WorkerDirectory;
use crate::execution::worker_replies::{
    BatchReply, DispatchSummary, EventDelivery, count_error, dispatch_event, events_of_replies, kill_event,
    reattach_event, split_unanswered,
};
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::Observe;
use crate::messages::dispatch::{KillAttempt, QueryAttempts, SendAttempt, SendCompleted};
use crate::messages::membership::Membership;
use crate::messages::workflow::WorkerDead;
use ports::protocol::Owner;
use ports::rpc::transport::CallError;
use ports::{MemberStatus, NodeIdentity, StoreError};

/// The interval at which workers are asked for their free slots: their own reports may be lost, and one that does not
/// answer gets nothing new.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The pause between two readings of the members while a worker's node is starting.
const RESTART_POLL: Duration = Duration::from_millis(300);

/// The longest pause between two checks of attempts whose loss is deferred; a restart of the worker's node, which ends
/// the wait, is noticed by the next check.
const DEFERRED_POLL: Duration = Duration::from_secs(1);

/// Sends to workers.
pub struct DispatchActor {
    deps: DispatchDeps,
    /// The sender of slot polls.
    sender: Owner,
    directory: WorkerDirectory,
    queues: BTreeMap<Incarnation, DispatchQueue>,
    /// Attempts whose connection the store did not tell; a timer runs while there are any.
    deferred: Vec<SendAttempt>,
    outage: StoreOutage,
    /// Adds the values of secrets; runs as long as this actor.
    secrets: Option<Addr<SecretActor>>,
    exit_on_panic: ExitOnPanic,
}

impl DispatchActor {
    /// Makes the sender of a master.
    pub fn new(this_node: &NodeIdentity, deps: DispatchDeps, exit_on_panic: ExitOnPanic) -> Self {
        let sender = Owner {
            incarnation: this_node.incarnation,
            host: this_node.host.clone(),
            generation: this_node.generation,
            epoch: Epoch(0),
        };
        Self {
            deps,
            sender,
            directory: WorkerDirectory::default(),
            queues: BTreeMap::new(),
            deferred: Vec::new(),
            outage: StoreOutage::of("connections"),
            secrets: None,
            exit_on_panic,
        }
    }

    /// Sends to the worker that a row names, or queries the attempt when that worker is dead.
    fn send_or_query(&mut self, to: Worker, pending: PendingMessage, ctx: &mut Context<Self>) {
        if self.directory.is_alive(to.incarnation) {
            self.enqueue(to.incarnation, pending, ctx);
        } else {
            self.query(RecoveryQuery::for_unsent(to, pending), ctx);
        }
    }

    /// Sends an attempt once it has what its task names. A kill that overtakes it prevents its start.
    fn complete(&mut self, send: SendAttempt, ctx: &mut Context<Self>) {
        if !needs_connection(&send.dispatch) {
            return self.add_secrets(send, ctx);
        }
        if !self.deferred.is_empty() {
            return self.deferred.push(send);
        }
        let (source, now) = (Arc::clone(&self.deps.connections), self.deps.clock.now());
        let completed = async move { add_connection(source.as_ref(), send, now).await };
        let completed = completed.into_actor(self);
        ctx.spawn(completed.map(move |readiness, actor, ctx| match readiness {
            DispatchReadiness::Ready(send) => {
                actor.outage.note_answer();
                actor.add_secrets(send, ctx);
            }
            DispatchReadiness::Hopeless(reply_to, event) => {
                actor.outage.note_answer();
                deliver(&reply_to, vec![*event], ctx);
            }
            DispatchReadiness::Later(send, error) => actor.defer(send, &error, ctx),
        }));
    }

    /// Looks the connection up later, together with those of all attempts that come until then.
    fn defer(&mut self, send: SendAttempt, error: &StoreError, ctx: &mut Context<Self>) {
        self.deferred.push(send);
        if self.deferred.len() > 1 {
            return;
        }
        ctx.run_later(self.outage.note_failure(error), |actor, ctx| {
            for send in std::mem::take(&mut actor.deferred) {
                actor.complete(send, ctx);
            }
        });
    }

    /// Sends an attempt once it has the values of its secrets, and it is stored which values it is given.
    fn add_secrets(&mut self, send: SendAttempt, ctx: &mut Context<Self>) {
        match &self.secrets {
            Some(secrets) if send.dispatch.needs_secrets() => secrets.do_send(send),
            Some(_) | None => self.send_completed(send, ctx),
        }
    }

    fn send_completed(&mut self, send: SendAttempt, ctx: &mut Context<Self>) {
        let pending = PendingMessage::dispatch(send.dispatch, send.reply_to);
        self.send_or_query(send.to, pending, ctx);
    }

    fn enqueue(&mut self, to: Incarnation, pending: PendingMessage, ctx: &mut Context<Self>) {
        self.queues.entry(to).or_default().push(pending);
        self.send_next(to, ctx);
    }

    /// Sends the next batch, unless one is in flight to this worker.
    fn send_next(&mut self, to: Incarnation, ctx: &mut Context<Self>) {
        let Some(batch) = self.queues.get_mut(&to).and_then(DispatchQueue::start_batch) else {
            return;
        };
        let rpc = self.deps.rpc.clone();
        let messages: Vec<WorkerMessage> = batch.iter().map(|pending| pending.message.clone()).collect();
        let sent = async move { send_batch(&rpc, to, messages).await };
        ctx.spawn(sent.into_actor(self).map(move |reply, actor, ctx| {
            if let Some(queue) = actor.queues.get_mut(&to) {
                queue.finish_batch();
            }
            match reply {
                Ok(reply) => actor.on_reply(to, batch, reply, ctx),
                Err(error) => actor.on_no_answer(to, batch, &error, ctx),
            }
            actor.send_next(to, ctx);
        }));
    }

    fn on_reply(
        &mut self,
        to: Incarnation,
        batch: Vec<PendingMessage>,
        reply: BatchReply,
        ctx: &mut Context<Self>,
    ) {
        match reply {
            BatchReply::Dispatch(answers, free) => {
                let summary = DispatchSummary::new(&answers);
                metrics::counter!("porpoise_dispatch_total").increment(u64::from(summary.accepted));
                self.deps
                    .slots
                    .record_answer(to, summary.refused, free, summary.refusal);
                let events = events_of_replies(batch, answers, dispatch_event);
                // A refused attempt keeps its slot for a moment: a worker that refuses (full, draining, no disk) would
                // refuse the next one as fast as it is sent.
                ctx.run_later(RETRY_PAUSE, |_, ctx| deliver_all(events, ctx));
            }
            BatchReply::Kill(answers) => deliver_all(events_of_replies(batch, answers, kill_event), ctx),
            BatchReply::Reattach(answers) => {
                deliver_all(events_of_replies(batch, answers, reattach_event), ctx);
            }
        }
    }

    /// An attempt that certainly was not delivered is free to go elsewhere; everything else is sent again, to the same
    /// worker, until it answers or is dead.
    fn on_no_answer(
        &mut self,
        to: Incarnation,
        batch: Vec<PendingMessage>,
        error: &CallError,
        ctx: &mut Context<Self>,
    ) {
        tracing::warn!(worker = %to, %error, messages = batch.len(), "a worker did not answer");
        count_error("no answer");
        // It gets nothing new until it answers a slot poll.
        self.deps.slots.mark_unreachable(to);
        let (events, repeated) = split_unanswered(batch, error, &to.to_string());
        deliver_all(events, ctx);
        ctx.run_later(RETRY_PAUSE, move |actor, ctx| {
            // When the worker has died in the meantime, the workflow actors were notified, and have queried all of it.
            if !actor.directory.is_alive(to) {
                return;
            }
            for pending in repeated {
                actor.enqueue(to, pending, ctx);
            }
        });
    }

    /// Asks every worker for its free slots, to find out which can be reached before an attempt is bound to one that
    /// cannot: what was sent into a partition may have arrived, and may not go elsewhere.
    fn poll_slots(&self, ctx: &mut Context<Self>) {
        for worker in self.directory.answering() {
            let (rpc, sender) = (self.deps.rpc.clone(), self.sender.clone());
            let poll = async move { rpc.poll_slots(worker, &sender).await };
            ctx.spawn(poll.into_actor(self).map(move |free, actor, _| match free {
                Ok(free) => {
                    actor.deps.slots.mark_reachable(worker);
                    actor.deps.slots.report_free(worker, free);
                }
                Err(_) => actor.deps.slots.mark_unreachable(worker),
            }));
        }
    }

    /// Applies a reading of the live members.
    fn update_members(&mut self, living: &[MemberStatus]) {
        let change = self.directory.update(living);
        for member in change.active {
            let worker = Worker {
                incarnation: member.incarnation,
                name: member.name,
            };
            self.deps
                .slots
                .add_worker(&worker, &member.worker_group, member.slots);
        }
        for worker in change.draining {
            self.deps.slots.remove_worker(worker);
        }
        for worker in change.dead {
            self.deps.slots.remove_worker(worker);
            self.deps.leases.record_death(worker);
            self.queues.remove(&worker);
            // The workflow actors query what was there, also what was queued here.
            self.deps.deaths.do_send(WorkerDead(worker));
        }
    }

    /// Queries attempts. The store may know a worker that this node does not: it may have joined a moment ago, and an
    /// attempt is lost only when its worker is certainly dead.
    fn query(&mut self, query: RecoveryQuery, ctx: &mut Context<Self>) {
        if query.is_resolvable(&self.directory) {
            return self.resolve(query, ctx);
        }
        let store = Arc::clone(&self.deps.store);
        let read = async move { store.list_live_members().await };
        ctx.spawn(read.into_actor(self).map(move |read, actor, ctx| match read {
            Ok(living) => {
                actor.update_members(&living);
                actor.resolve(query, ctx);
            }
            Err(error) => {
                tracing::debug!(%error, "the members could not be read; trying again");
                ctx.run_later(RESTART_POLL, move |actor, ctx| actor.query(query, ctx));
            }
        }));
    }

    fn resolve(&mut self, query: RecoveryQuery, ctx: &mut Context<Self>) {
        let QuerySteps {
            messages,
            awaiting_restart,
            unreachable,
        } = query.resolve(&self.directory);
        for (to, pending) in messages {
            self.enqueue(to, pending, ctx);
        }
        if let Some(query) = unreachable {
            self.report_lost(query, ctx);
        }
        if let Some(query) = awaiting_restart {
            ctx.run_later(RESTART_POLL, move |actor, ctx| actor.query(query, ctx));
        }
    }

    /// Reports attempts of dead workers as lost, or the wait for their leases.
    fn report_lost(&self, query: QueryAttempts, ctx: &mut Context<Self>) {
        let DeferredLoss {
            events,
            deferred,
            next,
        } = DeferredLoss::new(&query, &self.deps.leases);
        deliver(&query.reply_to, events, ctx);
        if deferred.is_empty() {
            return;
        }
        let again = QueryAttempts {
            attempts: deferred,
            ..query
        };
        // Attempts that may be lost at the next check are queried with a new reading of the members.
        let needs_reading = next <= DEFERRED_POLL;
        ctx.run_later(next.min(DEFERRED_POLL), move |actor, ctx| {
            let query = RecoveryQuery::new(again);
            if needs_reading {
                actor.query(query, ctx);
            } else {
                actor.resolve(query, ctx);
            }
        });
    }
}

fn deliver_all(events: Vec<EventDelivery>, ctx: &mut Context<DispatchActor>) {
    for EventDelivery { to, event } in events {
        deliver(&to, vec![event], ctx);
    }
}

impl Actor for DispatchActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(POLL_INTERVAL, |actor, ctx| actor.poll_slots(ctx));
        let (source, clock) = (Arc::clone(&self.deps.secrets), self.deps.clock.clone());
        let exit_on_panic = self.exit_on_panic.for_actor("SecretActor");
        let lookups = SecretActor::new(source, clock, ctx.address().recipient(), exit_on_panic);
        self.secrets = Some(lookups.start());
    }
}

impl Handler<SendAttempt> for DispatchActor {
    type Result = ();

    fn handle(&mut self, msg: SendAttempt, ctx: &mut Self::Context) {
        self.complete(msg, ctx);
    }
}

impl Handler<SendCompleted> for DispatchActor {
    type Result = ();

    fn handle(&mut self, msg: SendCompleted, ctx: &mut Self::Context) {
        self.send_completed(msg.0, ctx);
    }
}

impl Handler<KillAttempt> for DispatchActor {
    type Result = ();

    fn handle(&mut self, msg: KillAttempt, ctx: &mut Self::Context) {
        let pending = PendingMessage {
            message: WorkerMessage::Kill(msg.kill),
            exclusive: msg.exclusive,
            reply_to: msg.reply_to,
        };
        self.send_or_query(msg.to, pending, ctx);
    }
}

impl Handler<QueryAttempts> for DispatchActor {
    type Result = ();

    fn handle(&mut self, query: QueryAttempts, ctx: &mut Self::Context) {
        self.query(RecoveryQuery::new(query), ctx);
    }
}

impl Handler<Membership> for DispatchActor {
    type Result = ();

    fn handle(&mut self, msg: Membership, _: &mut Self::Context) {
        self.update_members(&msg.living);
    }
}

impl Handler<Observe> for DispatchActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        let queued: BTreeMap<_, _> = self.queues.iter().map(|(to, queue)| (to, queue.len())).collect();
        MessageResult(serde_json::json!({"slots": self.deps.slots.observe(), "queued": queued}))
    }
}
