//! What reaches an instance through the store: commands of users, results that other masters stored.

use std::sync::Arc;

use actix::prelude::*;
use engine::attempt::AttemptEvent;
use engine::ids::DispatchId;
use engine::instance::Event;
use tokio::sync::oneshot;

use crate::execution::workflow_actor::WorkflowActor;
use crate::messages::workflow::{DeliveryOutcome, ExitReason};
use crate::ports::{RelayedResult, StoreError};

impl WorkflowActor {
    /// Queues results that workers gave to other masters; they are marked once they are decided.
    pub(super) fn queue_results(&mut self, results: Vec<RelayedResult>, ctx: &mut Context<Self>) {
        if results.is_empty() {
            return;
        }
        let uids: Vec<DispatchId> = results.iter().map(|result| result.uid).collect();
        let events = results.into_iter().map(|result| Event::Attempt {
            uid: result.uid,
            event: AttemptEvent::Ended(result.end),
        });
        self.queue.push_events(events);
        let (reply, decided) = oneshot::channel();
        self.queue.push_reply(reply);
        let (store, clock) = (Arc::clone(&self.deps.store), self.deps.clock.clone());
        let mark = async move {
            if decided.await == Ok(DeliveryOutcome::Stored)
                && let Err(error) = store.mark_results_applied(&uids, clock.now()).await
            {
                tracing::debug!(%error, "relayed results were not marked; reconciliation closes them");
            }
        };
        ctx.spawn(mark.into_actor(self));
    }

    /// Queues the events of a worker; `reply` follows when they are decided.
    pub(super) fn queue_delivered(
        &mut self,
        events: Vec<Event>,
        reply: oneshot::Sender<DeliveryOutcome>,
        ctx: &mut Context<Self>,
    ) {
        if events.iter().any(is_loss) {
            return self.queue_losses(events, reply, ctx);
        }
        self.queue.push_events(events);
        self.queue.push_reply(reply);
        self.pump(ctx);
    }

    /// Queues losses behind the results that other masters have stored for this instance. A worker forgets an end that any
    /// master has stored, and answers a later query that the attempt is lost: the end may have been stored after this
    /// instance was loaded, but it was stored before that answer.
    fn queue_losses(
        &mut self,
        events: Vec<Event>,
        reply: oneshot::Sender<DeliveryOutcome>,
        ctx: &mut Context<Self>,
    ) {
        let (store, id) = (Arc::clone(&self.deps.store), self.assignment.id);
        let read = async move { store.list_relayed_results(&[id]).await };
        ctx.spawn(read.into_actor(self).map(move |found, actor, ctx| match found {
            Ok(results) => {
                actor.queue_results(results, ctx);
                actor.queue.push_events(events);
                actor.queue.push_reply(reply);
                actor.pump(ctx);
            }
            Err(error) => {
                tracing::warn!(instance = %id, %error, "the results of lost attempts could not be read");
                actor.end(ExitReason::Resync, ctx);
            }
        }));
    }

    /// Reads the inbox; `reply` follows when what was found is decided.
    pub(super) fn read_inbox(&mut self, reply: oneshot::Sender<DeliveryOutcome>, ctx: &mut Context<Self>) {
        let store = Arc::clone(&self.deps.store);
        let id = self.assignment.id;
        let read = async move {
            let commands = store.list_unapplied_commands(&[id]).await?;
            Ok::<_, StoreError>((commands, store.list_relayed_results(&[id]).await?))
        };
        ctx.spawn(read.into_actor(self).map(move |found, actor, ctx| match found {
            Ok((commands, results)) => {
                actor.queue_results(results, ctx);
                if let Some(instance) = &actor.instance {
                    actor.queue.push_commands(commands, instance);
                }
                actor.queue.push_reply(reply);
                actor.pump(ctx);
            }
            Err(error) => {
                tracing::warn!(instance = %actor.assignment.id, %error, "the inbox could not be read")
            }
        }));
    }
}

/// Whether an event says that an attempt is lost.
fn is_loss(event: &Event) -> bool {
    matches!(
        event,
        Event::Attempt {
            event: AttemptEvent::Lost { .. },
            ..
        }
    )
}
