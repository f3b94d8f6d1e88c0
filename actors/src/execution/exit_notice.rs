//! Reports the end of a workflow actor, whatever ended it.

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId};

use crate::messages::workflow::{ActorExit, ExitReason};

/// Sends `ActorExit` when it is dropped: actix drops an actor's fields also when a handler panics, which its own
/// supervisor does not notice.
pub(crate) struct ExitNotice {
    id: InstanceId,
    epoch: Epoch,
    reason: ExitReason,
    exits: Recipient<ActorExit>,
}

impl ExitNotice {
    /// Makes the notice of an actor that runs; `exits` receives it.
    pub(crate) fn new(id: InstanceId, epoch: Epoch, exits: Recipient<ActorExit>) -> Self {
        Self {
            id,
            epoch,
            reason: ExitReason::Panicked,
            exits,
        }
    }

    /// Sets why the actor ends; without it the notice reports a panic.
    pub(crate) fn set_reason(&mut self, reason: ExitReason) {
        self.reason = reason;
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
