//! How a workflow actor's end is noticed, whatever ended it.

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId};

/// Why a workflow actor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The instance is at rest.
    Done,
    /// Somebody else owns it now.
    Fenced,
    /// What is stored may differ from what it holds: build it anew.
    Resync,
    /// A handler panicked, or the arbiter ended.
    Panicked,
}

/// Tells the `MasterActor` that an actor is gone. Losing it is repaired by reconciliation.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Exited {
    /// Which instance.
    pub id: InstanceId,
    /// Under which epoch it was owned.
    pub epoch: Epoch,
    /// Why.
    pub why: Why,
}

/// Sends `Exited` when it is dropped: actix drops an actor's fields also when a handler panics, and its own
/// supervisor does not notice that.
pub(super) struct Notice {
    id: InstanceId,
    epoch: Epoch,
    pub(super) why: Why,
    exits: Recipient<Exited>,
}

impl Notice {
    pub(super) fn new(id: InstanceId, epoch: Epoch, exits: Recipient<Exited>) -> Self {
        Self {
            id,
            epoch,
            why: Why::Panicked,
            exits,
        }
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        let why = if std::thread::panicking() {
            Why::Panicked
        } else {
            self.why
        };
        self.exits.do_send(Exited {
            id: self.id,
            epoch: self.epoch,
            why,
        });
    }
}
