//! What a workflow actor can be told and asked.

use actix::prelude::*;
use engine::ids::Incarnation;
use engine::instance::Event;
use tokio::sync::oneshot;

use super::{Item, Why, WorkflowActor};
use crate::hub::Committed;
use crate::slots::SlotGranted;

/// What became of the events of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// Everything they changed is stored.
    Stored,
    /// Not stored yet, or not known: send them again.
    Later,
}

/// Events from workers and from the dispatcher. Losing it is harmless: the sender repeats what was not stored.
#[derive(Debug, Message)]
#[rtype(result = "Delivered")]
pub struct Deliver(pub Vec<Event>);

/// Says that the inbox holds something new; answered when what was stored before is decided. Losing it is
/// harmless: reconciliation looks at the inbox too.
#[derive(Debug, Message)]
#[rtype(result = "Delivered")]
pub struct ReadInbox;

/// A worker life is over. Losing it is repaired when the instance is loaded, and by the next kill.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct WorkerOver(pub Incarnation);

/// Another master owns the instance now: ends the actor. Only those are told who wait on this node for its commits,
/// which come from elsewhere from now on.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct HandedOver;

/// Asks for a picture of the actor; answered at once, also during a commit.
#[derive(Debug, Message)]
#[rtype(result = "serde_json::Value")]
pub struct Observe;

/// Makes the handler panic, for tests of supervision.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Crash;

impl Handler<Deliver> for WorkflowActor {
    type Result = ResponseFuture<Delivered>;

    fn handle(&mut self, Deliver(events): Deliver, ctx: &mut Self::Context) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        self.queue.extend(events.into_iter().map(Item::Event));
        self.queue.push_back(Item::Answer(answer));
        self.pump(ctx);
        Box::pin(async move { answered.await.unwrap_or(Delivered::Later) })
    }
}

impl Handler<ReadInbox> for WorkflowActor {
    type Result = ResponseFuture<Delivered>;

    fn handle(&mut self, _: ReadInbox, ctx: &mut Self::Context) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        self.read_inbox(answer, ctx);
        Box::pin(async move { answered.await.unwrap_or(Delivered::Later) })
    }
}

impl Handler<SlotGranted> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, granted: SlotGranted, ctx: &mut Self::Context) {
        self.queue
            .push_back(Item::Granted(granted.task_index, granted.lease));
        self.pump(ctx);
    }
}

impl Handler<WorkerOver> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, WorkerOver(gone): WorkerOver, ctx: &mut Self::Context) {
        self.worker_is_over(gone, ctx);
    }
}

impl Handler<HandedOver> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, _: HandedOver, ctx: &mut Self::Context) {
        self.tell_of_the_move();
        self.end(Why::Fenced, ctx);
    }
}

impl WorkflowActor {
    /// Wakes whoever waits here for a commit: it looks, and finds another owner.
    fn tell_of_the_move(&self) {
        let Some(live) = &self.live else { return };
        self.around.hub.publish(Committed {
            id: self.id,
            at: self.around.clock.now(),
            host: self.around.me.host.clone(),
            epoch: self.epoch,
            state: Some(live.state.record().state),
            transitions: Vec::new(),
            decided: Vec::new(),
        });
    }
}

impl Handler<Observe> for WorkflowActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        let state = self.live.as_ref().map(|live| live.state.record().state);
        MessageResult(serde_json::json!({
            "instance": self.id,
            "epoch": self.epoch,
            "state": state,
            "revision": self.live.as_ref().map(|live| live.state.rows.revision),
            "queued": self.queue.len(),
            "committing": self.committing,
            "failures": self.failures,
            "slots_held": self.leases.len(),
        }))
    }
}

#[cfg(any(test, feature = "testing"))]
impl Handler<Crash> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("crash of instance {} as the test asked", self.id);
    }
}
