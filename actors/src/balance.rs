//! Evens out how many instances the masters own, slowly, after one has joined.
//!
//! In: readings of the members, and a timer. Out: hand-overs through `MasterActor`, and a nudge to whoever was given
//! something. What is given is decided by a plan; how many instances each master owns is counted in the store, and
//! only while there is more than one master and nothing has changed among the members for a while. If it dies, the
//! node ends.

pub mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId, Timestamp};
use engine::states::MemberState;

use crate::clock::Clock;
use crate::links::PeerLink;
use crate::master::{GetMovable, Gift, GiveAway, MasterActor, StartDrain};
use crate::ports::{Seen, Store};
use crate::registry::Membership;
use crate::slots::Slots;
use crate::vital::Vital;

use plan::{Movable, Plan, Problem};

/// How often a plan is made.
const LOOK: Duration = Duration::from_secs(1);

/// Counts of instances are used for so long.
const COUNTS_MS: i64 = 5_000;

/// Readings that are further apart than this mean that the store paused: nobody knows what has changed meanwhile.
const PAUSE_MS: i64 = 3_000;

/// What the actor reaches the world through.
#[derive(Clone)]
pub struct Reach {
    /// This life.
    pub me: Incarnation,
    /// The database's clock.
    pub clock: Clock,
    /// Counts instances.
    pub store: Arc<dyn Store>,
    /// Owns the instances of this node.
    pub master: Addr<MasterActor>,
    /// Tells others that they were given something.
    pub peers: Arc<dyn PeerLink>,
    /// The workers as this master hears them.
    pub slots: Slots,
}

/// Gives instances to masters that have fewer. See the module.
pub struct BalanceActor {
    reach: Reach,
    calm: Calm,
    loads: BTreeMap<Incarnation, u32>,
    read_at: Timestamp,
    plan: Plan,
    planning: bool,
    draining: bool,
    /// Ends the node when this actor does.
    _vital: Vital,
}

/// Who lives, and since when that has not changed.
#[derive(Debug, Default)]
struct Calm {
    members: Vec<(Incarnation, MemberState)>,
    masters: Vec<Incarnation>,
    since: Timestamp,
    last_reading: Timestamp,
}

impl Calm {
    /// Takes over a reading; anybody who came, went or is missed begins the calm anew.
    fn read(&mut self, now: Timestamp, membership: &Membership) {
        let state = |seen: &Seen| (seen.member.incarnation, seen.member.state);
        let mut members: Vec<_> = membership.living.iter().map(state).collect();
        members.sort_unstable();
        let paused = now.since(self.last_reading) > PAUSE_MS;
        if paused || !membership.is_whole || !membership.suspects.is_empty() || members != self.members {
            self.since = now;
        }
        self.last_reading = now;
        self.members = members;
        let active =
            |seen: &&Seen| seen.member.state == MemberState::Active && seen.member.has_role("master");
        let masters = membership.living.iter().filter(active);
        self.masters = masters.map(|seen| seen.member.incarnation).collect();
    }

    /// Since when it has been calm, if that is worth anything now.
    fn since(&self, now: Timestamp) -> Option<Timestamp> {
        let fresh = now.since(self.last_reading) <= PAUSE_MS;
        (fresh && now.since(self.since) >= plan::CALM_MS).then_some(self.since)
    }
}

impl BalanceActor {
    /// Makes the actor of a master.
    pub fn new(reach: Reach, vital: Vital) -> Self {
        Self {
            reach,
            calm: Calm::default(),
            loads: BTreeMap::new(),
            read_at: Timestamp(0),
            plan: Plan::default(),
            planning: false,
            draining: false,
            _vital: vital,
        }
    }

    /// Makes the plan of this moment and acts on it, unless one is under way.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let now = self.reach.clock.now();
        let others = self.calm.masters.iter().any(|master| *master != self.reach.me);
        if self.planning || self.draining || !others || self.calm.since(now).is_none() {
            return;
        }
        self.planning = true;
        let fresh = now.since(self.read_at) < COUNTS_MS;
        let known = fresh.then(|| (self.read_at, self.loads.clone()));
        let (reach, masters) = (self.reach.clone(), self.calm.masters.clone());
        let learn = async move { learn(&reach, known, &masters, now).await };
        ctx.spawn(learn.into_actor(self).map(|learnt, actor, ctx| {
            actor.planning = false;
            if let Some(learnt) = learnt {
                actor.act(learnt, ctx);
            }
        }));
    }

    fn act(&mut self, learnt: Learnt, ctx: &mut Context<Self>) {
        let now = self.reach.clock.now();
        (self.read_at, self.loads) = (learnt.read_at, learnt.loads);
        let Some(calm_since) = self.calm.since(now).filter(|_| !self.draining) else {
            return;
        };
        let problem = Problem {
            now,
            me: self.reach.me,
            loads: self.loads.clone(),
            read_at: self.read_at,
            calm_since,
            movable: learnt.movable,
        };
        self.plan = plan::plan(&problem, &self.plan);
        if self.plan.gifts.is_empty() {
            return;
        }
        tracing::info!(plan = %self.plan, "instances go to masters that have fewer");
        self.planning = true;
        let (reach, gifts) = (self.reach.clone(), self.plan.gifts.clone());
        let carry = async move {
            for (target, instances) in gifts {
                carry(&reach, target, instances).await;
            }
        };
        ctx.spawn(carry.into_actor(self).map(|(), actor, _| actor.planning = false));
    }
}

/// What a plan is made from, besides who lives.
struct Learnt {
    read_at: Timestamp,
    loads: BTreeMap<Incarnation, u32>,
    /// Asked for only when something may have to move.
    movable: Vec<Movable>,
}

async fn learn(
    reach: &Reach,
    known: Option<(Timestamp, BTreeMap<Incarnation, u32>)>,
    masters: &[Incarnation],
    now: Timestamp,
) -> Option<Learnt> {
    let (read_at, loads) = match known {
        Some(known) => known,
        None => match reach.store.owned_counts().await {
            Ok(counts) => {
                let count = |master: &Incarnation| counts.get(master).copied().unwrap_or(0);
                (
                    now,
                    masters.iter().map(|master| (*master, count(master))).collect(),
                )
            }
            Err(error) => {
                tracing::debug!(%error, "instances could not be counted");
                return None;
            }
        },
    };
    let movable = if plan::is_overloaded(reach.me, &loads) {
        reach.master.send(GetMovable).await.ok()?
    } else {
        Vec::new()
    };
    Some(Learnt {
        read_at,
        loads,
        movable,
    })
}

/// Whether work would go on there: who is cut off from workers has few instances because it has given them away.
async fn hears_as_many(reach: &Reach, target: Incarnation) -> bool {
    let mine = reach.slots.heard(Duration::ZERO).answering.len();
    let theirs = reach.peers.reached(target).await;
    theirs.is_ok_and(|theirs| theirs.len() >= mine)
}

async fn carry(reach: &Reach, target: Incarnation, instances: Vec<InstanceId>) {
    if !hears_as_many(reach, target).await {
        tracing::info!(%target, "nothing is given to a master that hears fewer workers");
        return;
    }
    metrics::counter!("porpoise_rebalanced_instances_total")
        .increment(u64::try_from(instances.len()).unwrap_or(u64::MAX));
    let give = GiveAway {
        target,
        gift: Gift::These(instances),
    };
    reach.master.send(give).await.ok();
    // Without it the target finds them at its next look.
    reach.peers.nudge(target).await.ok();
}

impl Actor for BalanceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(LOOK, |actor, ctx| actor.look(ctx));
    }
}

impl Handler<Membership> for BalanceActor {
    type Result = ();

    fn handle(&mut self, msg: Membership, _: &mut Self::Context) {
        self.calm.read(self.reach.clock.now(), &msg);
    }
}

impl Handler<StartDrain> for BalanceActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}

#[cfg(test)]
mod tests;
