//! The hand-over of a new instance to its supervisor.

use actix::prelude::*;
use engine::ids::{Epoch, Generation, InstanceId};
use engine::states::OwnershipReason;

use crate::messages::master::RunInstance;
use crate::ownership::master_actor::MasterActor;
use ports::{ClaimedInstance, NewInstance};

/// Starts the actor of an instance that was stored with this node as its owner, without reading it back.
pub(crate) fn run_new_instance(
    master: &Addr<MasterActor>,
    id: InstanceId,
    new: NewInstance,
    generation: Generation,
) {
    let claimed = ClaimedInstance {
        id,
        epoch: Epoch(1),
        reason: OwnershipReason::Start,
        from_owner: None,
        from_host: None,
    };
    master.do_send(RunInstance {
        claimed,
        new_instance: Some(Box::new(new.into_loaded(id, generation))),
    });
}
