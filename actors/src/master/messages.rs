//! What the master can be told and asked.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId};
use tokio::sync::oneshot;

use super::MasterActor;
use crate::balance::plan::Movable;
use crate::ports::{Claimed, Loaded};
use crate::protocol::{LeaseRequest, Report, ReportAnswer};
use crate::workflow::{Adoption, Birth, Tally, WorkerOver, WorkflowActor};

/// Gives an instance that this node owns an actor. Losing it is repaired by reconciliation.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Adopt {
    /// The ownership.
    pub claimed: Claimed,
    /// The rows, when they were committed a moment ago.
    pub fresh: Option<Box<Loaded>>,
}

/// Gives claimed instances actors; answered when each has loaded its instance, or found that it is not the
/// owner any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct TakeUp {
    /// The ownerships, which are stored.
    pub claimed: Vec<Claimed>,
    /// Where the fates of their open attempts are counted.
    pub tally: Arc<Tally>,
}

/// Orphans of earlier lives have been looked for. Until then nobody can say that an instance is of no interest.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Swept;

/// Hands instances over to another master, some at a time; answered with how many are left.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub struct GiveAway {
    /// Who takes them.
    pub target: Incarnation,
    /// Which.
    pub gift: Gift,
}

/// Which instances are given away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gift {
    /// Some of all, for a node that leaves.
    Any,
    /// These, as far as they are still here; none by a node that leaves.
    These(Vec<InstanceId>),
}

/// Asks which instances could be given away.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Movable>")]
pub struct GetMovable;

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

/// Asks for leases of exclusive attempts that a worker life runs; answered one by one, in order, whether each is
/// granted. Losing it is harmless: the worker repeats it.
#[derive(Debug, Message)]
#[rtype(result = "Vec<bool>")]
pub struct Renew {
    /// The life that runs them.
    pub worker: Incarnation,
    /// The attempts.
    pub batch: Vec<LeaseRequest>,
}

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

/// From another master, which does not reach some workers: asks which ones answer this one.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Incarnation>")]
pub struct GetReached;

/// Asks for the actor of an instance.
#[derive(Debug, Message)]
#[rtype(result = "Option<Addr<WorkflowActor>>")]
pub struct GetChild(pub InstanceId);

/// Stops taking instances.
#[derive(Debug, Clone, Copy, Message)]
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
        self.adopt_claimed(&msg.claimed, birth, ctx);
    }
}

impl Handler<TakeUp> for MasterActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, TakeUp { claimed, tally }: TakeUp, ctx: &mut Self::Context) -> Self::Result {
        let mut births = Vec::with_capacity(claimed.len());
        for claimed in &claimed {
            let (born, birth) = oneshot::channel();
            let adoption = Adoption {
                born,
                tally: Arc::clone(&tally),
            };
            self.adopt_claimed(claimed, Birth::TakenOver(adoption), ctx);
            births.push(birth);
        }
        Box::pin(async move {
            // An actor that ended without a word was fenced, or is built anew by its supervisor.
            futures_util::future::join_all(births).await;
        })
    }
}

impl Handler<Swept> for MasterActor {
    type Result = ();

    fn handle(&mut self, _: Swept, _: &mut Self::Context) {
        self.swept = true;
    }
}

impl Handler<WorkerOver> for MasterActor {
    type Result = ();

    fn handle(&mut self, over: WorkerOver, _: &mut Self::Context) {
        for actor in self.children.values().filter_map(|child| child.addr.as_ref()) {
            actor.do_send(over);
        }
    }
}

impl Handler<FreeSlots> for MasterActor {
    type Result = ();

    fn handle(&mut self, msg: FreeSlots, _: &mut Self::Context) {
        self.around.slots.free(msg.worker, msg.free);
    }
}

impl Handler<Renew> for MasterActor {
    type Result = MessageResult<Renew>;

    fn handle(&mut self, Renew { worker, batch }: Renew, _: &mut Self::Context) -> Self::Result {
        let renewals = &self.around.renewals;
        let sure = renewals.may_grant(worker);
        let grant = |LeaseRequest { uid, epoch }: &LeaseRequest| {
            let owned = self
                .children
                .get(&uid.instance)
                .is_some_and(|child| child.epoch == *epoch);
            if sure && owned {
                renewals.granted(*uid, *epoch);
            }
            sure && owned
        };
        MessageResult(batch.iter().map(grant).collect())
    }
}

impl Handler<Nudge> for MasterActor {
    type Result = ();

    fn handle(&mut self, _: Nudge, ctx: &mut Self::Context) {
        self.reconcile(ctx);
    }
}

impl Handler<GetReached> for MasterActor {
    type Result = MessageResult<GetReached>;

    fn handle(&mut self, _: GetReached, _: &mut Self::Context) -> Self::Result {
        let heard = self.around.slots.heard(Duration::ZERO);
        MessageResult(heard.answering.into_iter().collect())
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
