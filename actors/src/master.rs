//! Supervises the workflow actors of this node.
//!
//! Owns the map from instance to actor. In: claimed instances, pokes, reports of workers, notices of actors that
//! ended. Out: actors, built from the store whatever ended the last one, a bounded number of times; past the bound
//! the instance gets `attention`. If it dies, the node ends.

mod children;
mod giving;
mod messages;
mod reconcile;
mod reports;

use std::collections::BTreeMap;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::InstanceId;

use crate::vital::Vital;
use crate::workflow::Surroundings;

pub use messages::{
    Adopt, Drained, FreeSlots, GetChild, GetMovable, GetReached, Gift, GiveAway, Nudge, Observe, Poke, Poked,
    Relay, Renew, Reports, StartDrain, Swept, TakeUp,
};

use children::Child;

/// How often what this node owns is compared with what it runs.
const RECONCILE: Duration = Duration::from_secs(5);

/// How many messages may wait in the mailbox.
const MAILBOX: usize = 8192;

/// Supervises. See the module.
pub struct MasterActor {
    around: Surroundings,
    /// Workflow actors are spread over these by instance id.
    arbiters: Vec<ArbiterHandle>,
    children: BTreeMap<InstanceId, Child>,
    /// What this life owns has been compared with what it runs at least once.
    reconciled: bool,
    /// Orphans of earlier lives have been looked for at least once.
    swept: bool,
    reconciling: bool,
    /// Told to look again while a look was under way.
    reconcile_again: bool,
    draining: bool,
    vital: Vital,
}

impl MasterActor {
    /// Makes the supervisor of a master.
    ///
    /// `arbiters` must not be empty; one is enough for two cores.
    pub fn new(around: Surroundings, arbiters: Vec<ArbiterHandle>, vital: Vital) -> Self {
        Self {
            around,
            arbiters,
            children: BTreeMap::new(),
            reconciled: false,
            swept: false,
            reconciling: false,
            reconcile_again: false,
            draining: false,
            vital,
        }
    }

    fn arbiter_of(&self, id: InstanceId) -> Option<&ArbiterHandle> {
        let count = self.arbiters.len().max(1);
        self.arbiters.get(usize::try_from(id.0).unwrap_or(0) % count)
    }
}

impl Actor for MasterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        tracing::debug!(vital = ?self.vital, "master started");
        self.reconcile(ctx);
        ctx.run_interval(RECONCILE, |actor, ctx| actor.reconcile(ctx));
    }
}
