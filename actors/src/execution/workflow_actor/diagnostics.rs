//! What shows and breaks a workflow actor from outside: the debug route, and crashes that tests ask for.

use actix::prelude::*;

use super::WorkflowActor;
use crate::execution::commit_cycle::CommitCycle;
use crate::messages::Observe;
#[cfg(any(test, feature = "testing"))]
use crate::messages::workflow::Crash;

impl Handler<Observe> for WorkflowActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "instance": self.assignment.id,
            "epoch": self.assignment.epoch,
            "cycle": self.cycle.as_ref().map(CommitCycle::observe),
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
