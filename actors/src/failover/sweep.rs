//! Claims what needs an owner, and brings it to life.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::prelude::*;
use engine::ids::Incarnation;
use engine::states::OwnershipReason;

use super::{FailoverActor, LOOK_AGAIN, Reach};
use crate::db;
use crate::faults;
use crate::master::{Swept, TakeUp};
use crate::ports::{Claim, Claimed, StoreError};
use crate::workflow::Tally;

/// Instances claimed by one transaction: what it costs by itself does not count then, and survivors still share.
const BATCH: u32 = 500;

/// What was taken from one dead life in one sweep.
#[derive(Debug, Default)]
pub(super) struct Loot {
    pub(super) instances: u32,
    pub(super) tally: Arc<Tally>,
}

/// Per dead life; only take-overs by another node.
pub(super) type Loots = BTreeMap<Incarnation, Loot>;

impl FailoverActor {
    /// Looks for orphans, now, or again when the look that is under way is over.
    pub(super) fn sweep(&mut self, ctx: &mut Context<Self>) {
        if self.draining || self.has_left() {
            return;
        }
        if self.sweeping {
            self.sweep_again = true;
            return;
        }
        self.sweeping = true;
        let reach = self.reach.clone();
        let sweep = async move { sweep(&reach).await };
        ctx.spawn(sweep.into_actor(self).map(|swept, actor, ctx| {
            actor.sweeping = false;
            match swept {
                Ok(loots) => actor.acknowledge(loots, ctx),
                Err(error) => {
                    tracing::warn!(%error, "orphans could not be claimed");
                    ctx.run_later(LOOK_AGAIN, |actor, ctx| actor.sweep(ctx));
                }
            }
            if std::mem::take(&mut actor.sweep_again) {
                actor.sweep(ctx);
            }
        }));
    }
}

/// Claims batch after batch until nothing is left; returns when every claimed instance has loaded.
///
/// The claims do not wait for the actors: the stored host is right as soon as can be.
async fn sweep(reach: &Reach) -> Result<Loots, StoreError> {
    let mut loots = Loots::new();
    let mut births = Vec::new();
    loop {
        let claim = Claim {
            me: reach.me.clone(),
            only: None,
            limit: BATCH,
            at: reach.clock.now(),
        };
        let claimed = db::take_ownership(&reach.db, claim).await?;
        if !claimed.is_empty() {
            faults::point("claim.before_spawn");
        }
        let full = claimed.len() >= BATCH as usize;
        for (owner, claimed) in by_owner(claimed) {
            let tally = note(&mut loots, owner, &claimed);
            births.push(reach.master.send(TakeUp { claimed, tally }));
        }
        if !full {
            break;
        }
        faults::point("claim.between_batches");
    }
    reach.master.do_send(Swept);
    // A supervisor that is gone ends the node.
    futures_util::future::join_all(births).await;
    if !loots.is_empty() {
        faults::point("takeover.before_acknowledgement");
    }
    Ok(loots)
}

fn by_owner(claimed: Vec<Claimed>) -> BTreeMap<Option<Incarnation>, Vec<Claimed>> {
    let mut groups: BTreeMap<Option<Incarnation>, Vec<Claimed>> = BTreeMap::new();
    for claimed in claimed {
        let from = claimed
            .from_owner
            .filter(|_| claimed.why == OwnershipReason::Failover);
        groups.entry(from).or_default().push(claimed);
    }
    groups
}

/// Counts a batch; what nobody owned before is no loot.
fn note(loots: &mut Loots, owner: Option<Incarnation>, claimed: &[Claimed]) -> Arc<Tally> {
    let Some(owner) = owner else {
        return Arc::default();
    };
    let loot = loots.entry(owner).or_default();
    loot.instances += u32::try_from(claimed.len()).unwrap_or(u32::MAX);
    Arc::clone(&loot.tally)
}
