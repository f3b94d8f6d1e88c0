//! What the master can be told and asked.

use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId};

use super::MasterActor;
use crate::ports::{Claimed, Loaded};
use crate::protocol::{Report, ReportAnswer};
use crate::workflow::{Birth, WorkflowActor};

/// Gives an instance that this node owns an actor. Losing it is repaired by reconciliation.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Adopt {
    /// The ownership.
    pub claimed: Claimed,
    /// The rows, when they were committed a moment ago.
    pub fresh: Option<Box<Loaded>>,
}

/// Makes the owner look at the inbox of an instance; takes it when it needs an owner.
#[derive(Debug, Message)]
#[rtype(result = "Poked")]
pub struct Poke(pub InstanceId);

/// What became of a poke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poked {
    /// What the inbox held is decided.
    Decided,
    /// The actor just ended or the store did not answer: ask again.
    Again,
    /// Another node owns it.
    Elsewhere,
}

/// Reports of a worker; answered one by one, in order, after what they say is stored.
#[derive(Debug, Message)]
#[rtype(result = "Vec<ReportAnswer>")]
pub struct Reports(pub Vec<Report>);

/// Results for an owner that the worker cannot reach; answered after they are kept in the store.
#[derive(Debug, Message)]
#[rtype(result = "Vec<ReportAnswer>")]
pub struct Relay(pub Vec<Report>);

/// A worker says how many slots came free. Losing it is harmless: every answer of a worker says so too.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FreeSlots {
    /// Which life.
    pub worker: Incarnation,
    /// Slots beyond what is in flight there.
    pub free: u32,
}

/// From a master that handed instances over to this one: compare what this node owns with what it runs. Losing it
/// costs one interval of reconciliation.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Nudge;

/// Asks for the actor of an instance.
#[derive(Debug, Message)]
#[rtype(result = "Option<Addr<WorkflowActor>>")]
pub struct GetChild(pub InstanceId);

/// Stops taking instances.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StartDrain;

/// Asks how many instances still have an actor here.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub struct Drained;

/// Asks for a picture of the actor.
#[derive(Debug, Message)]
#[rtype(result = "serde_json::Value")]
pub struct Observe;

impl Handler<Adopt> for MasterActor {
    type Result = ();

    fn handle(&mut self, msg: Adopt, ctx: &mut Self::Context) {
        let birth = msg.fresh.map_or(Birth::Stored, Birth::Fresh);
        self.adopt(&msg.claimed, birth, ctx);
    }
}

impl Handler<FreeSlots> for MasterActor {
    type Result = ();

    fn handle(&mut self, msg: FreeSlots, _: &mut Self::Context) {
        self.around.slots.free(msg.worker, msg.free);
    }
}

impl Handler<Nudge> for MasterActor {
    type Result = ();

    fn handle(&mut self, _: Nudge, ctx: &mut Self::Context) {
        self.reconcile(ctx);
    }
}

impl Handler<GetChild> for MasterActor {
    type Result = MessageResult<GetChild>;

    fn handle(&mut self, GetChild(id): GetChild, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.children.get(&id).and_then(|child| child.addr.clone()))
    }
}

impl Handler<StartDrain> for MasterActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}

impl Handler<Drained> for MasterActor {
    type Result = MessageResult<Drained>;

    fn handle(&mut self, _: Drained, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.children.len())
    }
}

impl Handler<Observe> for MasterActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "instances": self.children.len(),
            "restarting": self.children.values().filter(|child| child.addr.is_none()).count(),
            "reconciled": self.reconciled,
            "draining": self.draining,
        }))
    }
}
