//! What the debug route sees of the master actor, and what tests do to its children.

use actix::prelude::*;

use crate::messages::Observe;
#[cfg(any(test, feature = "testing"))]
use crate::messages::master::CrashInstance;
use crate::messages::master::ObserveInstance;
use crate::ownership::master_actor::MasterActor;

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
