//! Hands instances over to another master: for a drain, or because that one reaches workers and this one does not.

use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId};

use super::{GiveAway, MasterActor};
use crate::db::GiveOwnership;
use crate::ports::HandOver;
use crate::workflow::HandedOver;

/// Instances handed over by one statement.
const BATCH: usize = 200;

/// The store gets this long for one batch.
const PATIENCE: Duration = Duration::from_secs(3);

impl Handler<GiveAway> for MasterActor {
    type Result = ResponseActFuture<Self, usize>;

    fn handle(&mut self, GiveAway { target }: GiveAway, _: &mut Self::Context) -> Self::Result {
        let instances: Vec<(InstanceId, Epoch)> = self
            .children
            .iter()
            .take(BATCH)
            .map(|(id, child)| (*id, child.epoch))
            .collect();
        if instances.is_empty() {
            return Box::pin(actix::fut::ready(0));
        }
        let hand_over = HandOver {
            me: self.around.me.clone(),
            target,
            instances,
            at: self.around.clock.now(),
        };
        let asked = self.around.db.send(GiveOwnership(hand_over)).timeout(PATIENCE);
        Box::pin(asked.into_actor(self).map(move |given, actor, _| {
            match given {
                Ok(Ok(given)) => given
                    .into_iter()
                    .for_each(|(id, epoch)| actor.gave(id, epoch, target)),
                Ok(Err(error)) => tracing::warn!(%error, "instances could not be handed over"),
                Err(error) => {
                    tracing::warn!(%error, "the store did not say whether instances were handed over")
                }
            }
            actor.children.len()
        }))
    }
}

impl MasterActor {
    fn gave(&mut self, id: InstanceId, epoch: Epoch, target: engine::ids::Incarnation) {
        tracing::info!(instance = %id, %epoch, to = %target, from_host = self.around.me.host, why = "handover", "instance given");
        if let Some(actor) = self.children.get(&id).and_then(|child| child.addr.as_ref()) {
            actor.do_send(HandedOver);
        }
        self.forget(id);
    }
}
