//! What other actors and the debug route ask the master actor; tests crash its children here.

use std::time::Duration;

use actix::prelude::*;
use engine::ids::Incarnation;

use crate::messages::Observe;
use crate::messages::limits::{LimitsChanged, LookOrigin};
#[cfg(any(test, feature = "testing"))]
use crate::messages::master::CrashInstance;
use crate::messages::master::{
    CheckLimits, CountInstances, GetHandoverCandidates, GetReachableWorkers, HandoverCandidate, LookAgainAt,
    ObserveInstance,
};
use crate::messages::workflow::LookAgain;
use crate::ownership::master_actor::MasterActor;

impl Handler<GetReachableWorkers> for MasterActor {
    type Result = Vec<Incarnation>;

    fn handle(&mut self, _: GetReachableWorkers, _: &mut Self::Context) -> Self::Result {
        let reachability = self.deps.slots.reachability(Duration::ZERO);
        reachability.reachable.into_iter().collect()
    }
}

impl Handler<LookAgainAt> for MasterActor {
    type Result = MessageResult<LookAgainAt>;

    fn handle(&mut self, LookAgainAt(targets): LookAgainAt, _: &mut Self::Context) -> Self::Result {
        let mut elsewhere = Vec::new();
        for target in targets {
            let task_index = target.task_index;
            match self.children.addr_of(target.instance) {
                Some(actor) => actor.do_send(LookAgain { task_index }),
                None => elsewhere.push(target),
            }
        }
        MessageResult(elsewhere)
    }
}

impl Handler<CountInstances> for MasterActor {
    type Result = usize;

    fn handle(&mut self, _: CountInstances, _: &mut Self::Context) -> usize {
        self.children.len()
    }
}

impl Handler<GetHandoverCandidates> for MasterActor {
    type Result = Vec<HandoverCandidate>;

    fn handle(&mut self, _: GetHandoverCandidates, _: &mut Self::Context) -> Self::Result {
        self.children.handover_candidates()
    }
}

impl Handler<Observe> for MasterActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "instances": self.children.len(),
            "restarting": self.children.restarting(),
            "reconciled": self.reconciled,
            "draining": self.draining,
        }))
    }
}

impl Handler<ObserveInstance> for MasterActor {
    type Result = ResponseFuture<Option<serde_json::Value>>;

    fn handle(&mut self, ObserveInstance(id): ObserveInstance, _: &mut Self::Context) -> Self::Result {
        let addr = self.children.addr_of(id);
        Box::pin(async move { addr?.send(Observe).await.ok() })
    }
}

#[cfg(any(test, feature = "testing"))]
impl Handler<CrashInstance> for MasterActor {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, CrashInstance(id): CrashInstance, _: &mut Self::Context) -> Self::Result {
        let addr = self.children.addr_of(id);
        Box::pin(async move {
            match addr {
                Some(addr) => addr.send(crate::messages::workflow::Crash).await.is_err(),
                None => false,
            }
        })
    }
}

impl Handler<CheckLimits> for MasterActor {
    type Result = ();

    fn handle(&mut self, CheckLimits(limits): CheckLimits, _: &mut Self::Context) {
        self.deps.limits.forward(LimitsChanged {
            keys: (!limits.is_empty()).then(|| limits.into_iter().collect()),
            origin: LookOrigin::OtherMaster,
        });
    }
}
