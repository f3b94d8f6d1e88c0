//! Rebalances the number of instances that the masters own, slowly, after one has joined.
//!
//! In: readings of the members, and a timer. Out: hand-overs through `MasterActor`, and a request to reconcile to each new
//! owner. A plan decides what is handed over; the instances of each master are counted in the store, and only while there
//! is more than one master and the members have not changed for a while. If it dies, the node ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId, Timestamp};
use engine::states::MemberState;

use crate::execution::slots::Slots;
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::master::{
    GetHandoverCandidates, HandOverInstances, HandoverCandidate, HandoverSelection,
};
use crate::messages::membership::Membership;
use crate::messages::{Observe, StartDrain};
use crate::ownership::balance_plan::{
    RebalanceInput, RebalancePlan, STABLE_MS, is_overloaded, plan_rebalance,
};
use crate::ownership::master_actor::MasterActor;
use ports::clock::Clock;
use ports::rpc::client::RpcClient;
use ports::{MemberStatus, OwnershipStore};

/// The interval at which a plan is made.
const PLAN_INTERVAL: Duration = Duration::from_secs(1);

/// Age up to which counts of instances are used, in milliseconds.
const COUNTS_MS: i64 = 5_000;

/// The time between two readings from which the store counts as having paused, in milliseconds: what has changed in the
/// meantime is unknown.
const STORE_PAUSE_MS: i64 = 3_000;

/// What the actor works with.
#[derive(Clone)]
pub struct BalanceDeps {
    /// This incarnation.
    pub this_node: Incarnation,
    /// The database's clock.
    pub clock: Clock,
    /// Counts instances.
    pub store: Arc<dyn OwnershipStore>,
    /// Owns the instances of this node.
    pub master: Addr<MasterActor>,
    /// Calls other nodes.
    pub rpc: RpcClient,
    /// The workers as this master reaches them.
    pub slots: Slots,
}

/// Hands instances over to masters that have fewer.
pub struct BalanceActor {
    deps: BalanceDeps,
    window: StabilityWindow,
    loads: BTreeMap<Incarnation, u32>,
    read_at: Timestamp,
    plan: RebalancePlan,
    planning: bool,
    draining: bool,
    _exit_on_panic: ExitOnPanic,
}

/// The live members, and the time since when they have not changed.
#[derive(Debug, Default)]
struct StabilityWindow {
    members: Vec<(Incarnation, MemberState)>,
    masters: Vec<Incarnation>,
    since: Timestamp,
    last_reading: Timestamp,
}

impl StabilityWindow {
    /// Takes a reading; a member that joined, left, drains or is missed restarts the window.
    fn update(&mut self, now: Timestamp, membership: &Membership) {
        let state = |status: &MemberStatus| (status.member.incarnation, status.member.state);
        let mut members: Vec<_> = membership.living.iter().map(state).collect();
        members.sort_unstable();
        let paused = now.since(self.last_reading) > STORE_PAUSE_MS;
        if paused || !membership.sees_all || !membership.suspects.is_empty() || members != self.members {
            self.since = now;
        }
        self.last_reading = now;
        self.members = members;
        let living = membership.living.iter().map(|status| &status.member);
        let masters = living.filter(|member| member.is_active_master());
        self.masters = masters.map(|member| member.incarnation).collect();
    }

    /// Returns since when the members have been stable, if that is long enough and known for now.
    fn stable_since(&self, now: Timestamp) -> Option<Timestamp> {
        let is_known = now.since(self.last_reading) <= STORE_PAUSE_MS;
        (is_known && now.since(self.since) >= STABLE_MS).then_some(self.since)
    }
}

impl BalanceActor {
    /// Makes the actor of a master.
    pub fn new(deps: BalanceDeps, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            deps,
            window: StabilityWindow::default(),
            loads: BTreeMap::new(),
            read_at: Timestamp(0),
            plan: RebalancePlan::default(),
            planning: false,
            draining: false,
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Makes the plan of this moment and executes it, unless one is in progress.
    fn plan(&mut self, ctx: &mut Context<Self>) {
        let now = self.deps.clock.now();
        let masters = &self.window.masters;
        let has_others = masters.iter().any(|master| *master != self.deps.this_node);
        let is_stable = self.window.stable_since(now).is_some();
        if self.planning || self.draining || !has_others || !is_stable {
            return;
        }
        self.planning = true;
        let are_fresh = now.since(self.read_at) < COUNTS_MS;
        let known = are_fresh.then(|| (self.read_at, self.loads.clone()));
        let (deps, masters) = (self.deps.clone(), masters.clone());
        let load = async move { read_load(&deps, known, &masters, now).await };
        ctx.spawn(load.into_actor(self).map(|load, actor, ctx| {
            actor.planning = false;
            if let Some(load) = load {
                actor.execute(load, ctx);
            }
        }));
    }

    fn execute(&mut self, load: ClusterLoad, ctx: &mut Context<Self>) {
        let now = self.deps.clock.now();
        (self.read_at, self.loads) = (load.read_at, load.loads);
        let Some(stable_since) = self.window.stable_since(now).filter(|_| !self.draining) else {
            return;
        };
        let input = RebalanceInput {
            now,
            this_node: self.deps.this_node,
            loads: self.loads.clone(),
            read_at: self.read_at,
            stable_since,
            candidates: load.candidates,
        };
        self.plan = plan_rebalance(&input, &self.plan);
        if self.plan.moves.is_empty() {
            return;
        }
        tracing::info!(plan = %self.plan, "instances go to masters that have fewer");
        self.planning = true;
        let (deps, moves) = (self.deps.clone(), self.plan.moves.clone());
        let executed = async move {
            for (target, instances) in moves {
                execute_move(&deps, target, instances).await;
            }
        };
        ctx.spawn(
            executed
                .into_actor(self)
                .map(|(), actor, _| actor.planning = false),
        );
    }
}

/// What a plan is made from, besides the members.
struct ClusterLoad {
    read_at: Timestamp,
    loads: BTreeMap<Incarnation, u32>,
    /// Read only when something may have to move.
    candidates: Vec<HandoverCandidate>,
}

async fn read_load(
    deps: &BalanceDeps,
    known: Option<(Timestamp, BTreeMap<Incarnation, u32>)>,
    masters: &[Incarnation],
    now: Timestamp,
) -> Option<ClusterLoad> {
    let (read_at, loads) = match known {
        Some(known) => known,
        None => match deps.store.count_owned().await {
            Ok(counts) => {
                let count = |master: &Incarnation| counts.get(master).copied().unwrap_or(0);
                let loads = masters.iter().map(|master| (*master, count(master)));
                (now, loads.collect())
            }
            Err(error) => {
                tracing::debug!(%error, "instances could not be counted");
                return None;
            }
        },
    };
    let candidates = if is_overloaded(deps.this_node, &loads) {
        deps.master.send(GetHandoverCandidates).await.ok()?
    } else {
        Vec::new()
    };
    Some(ClusterLoad {
        read_at,
        loads,
        candidates,
    })
}

/// Whether work would continue at the target: a master that does not reach its workers has few instances because it has
/// handed them over.
async fn reaches_as_many_workers(deps: &BalanceDeps, target: Incarnation) -> bool {
    let mine = deps.slots.reachability(Duration::ZERO).reachable.len();
    let theirs = deps.rpc.reachable_workers(target).await;
    theirs.is_ok_and(|theirs| theirs.len() >= mine)
}

async fn execute_move(deps: &BalanceDeps, target: Incarnation, instances: Vec<InstanceId>) {
    if !reaches_as_many_workers(deps, target).await {
        tracing::info!(%target, "nothing is handed over to a master that reaches fewer workers");
        return;
    }
    metrics::counter!("porpoise_rebalanced_instances_total")
        .increment(u64::try_from(instances.len()).unwrap_or(u64::MAX));
    let hand_over = HandOverInstances {
        target,
        selection: HandoverSelection::These(instances),
    };
    deps.master.send(hand_over).await.ok();
    // If it is lost, the target finds them at its next reconciliation.
    deps.rpc.request_reconcile(target).await.ok();
}

impl Actor for BalanceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(PLAN_INTERVAL, |actor, ctx| actor.plan(ctx));
    }
}

impl Handler<Membership> for BalanceActor {
    type Result = ();

    fn handle(&mut self, msg: Membership, _: &mut Self::Context) {
        self.window.update(self.deps.clock.now(), &msg);
    }
}

impl Handler<StartDrain> for BalanceActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}

impl Handler<Observe> for BalanceActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "loads": self.loads,
            "plan": self.plan.to_string(),
            "planning": self.planning,
        }))
    }
}

#[cfg(test)]
mod tests;
