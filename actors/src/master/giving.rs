//! Hands instances over to another master: all of them one after the other for a drain, or because that one reaches
//! workers and this one does not; some to even out.

use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId};

use super::{GetMovable, Gift, GiveAway, MasterActor};
use crate::balance::plan::Movable;
use crate::db::GiveOwnership;
use crate::ports::HandOver;
use crate::workflow::HandedOver;

/// Instances handed over by one statement.
const BATCH: usize = 200;

/// The store gets this long for one batch.
const PATIENCE: Duration = Duration::from_secs(3);

impl Handler<GiveAway> for MasterActor {
    type Result = ResponseActFuture<Self, usize>;

    fn handle(&mut self, GiveAway { target, gift }: GiveAway, _: &mut Self::Context) -> Self::Result {
        let instances = self.chosen(gift);
        if instances.is_empty() {
            return Box::pin(actix::fut::ready(self.children.len()));
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

impl Handler<GetMovable> for MasterActor {
    type Result = MessageResult<GetMovable>;

    fn handle(&mut self, _: GetMovable, _: &mut Self::Context) -> Self::Result {
        let running = self.children.iter().filter(|(_, child)| child.addr.is_some());
        let movable = running.map(|(id, child)| Movable {
            id: *id,
            stirred_at: child.stirred.at(),
            came_at: child.came_at,
        });
        MessageResult(movable.collect())
    }
}

impl MasterActor {
    /// Picks what a gift names, each under the epoch that this node holds.
    fn chosen(&self, gift: Gift) -> Vec<(InstanceId, Epoch)> {
        match gift {
            Gift::Any => {
                let some = self.children.iter().take(BATCH);
                some.map(|(id, child)| (*id, child.epoch)).collect()
            }
            Gift::These(_) if self.draining => Vec::new(),
            Gift::These(ids) => {
                let held = |id| Some((id, self.children.get(&id)?.epoch));
                ids.into_iter().filter_map(held).collect()
            }
        }
    }

    fn gave(&mut self, id: InstanceId, epoch: Epoch, target: engine::ids::Incarnation) {
        tracing::info!(instance = %id, %epoch, to = %target, from_host = self.around.me.host, why = "handover", "instance given");
        if let Some(actor) = self.children.get(&id).and_then(|child| child.addr.as_ref()) {
            actor.do_send(HandedOver);
        }
        self.forget(id);
    }
}
