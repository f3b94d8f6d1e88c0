//! Takes over what dead masters owned.
//!
//! In: readings of the members with those that the registry misses, lost connections, and a timer. Out: a watch of the
//! heartbeats of each suspect, the declaration of its death in the store, claims of its instances through `DbActor` (new host,
//! owner and epoch are stored in one statement), their actors through `MasterActor`, and only then the acknowledgement.
//! The timer does the same without any event, so that a lost event costs seconds and never an instance. It also hands
//! this master's own instances over when another master reaches workers that this one does not. If it dies, the node
//! ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::prelude::*;
use engine::ids::Incarnation;

use crate::exit_on_panic::ExitOnPanic;
use crate::messages::membership::{Membership, SuspectPeer, SuspicionBasis};
use crate::messages::{Observe, StartDrain};
use crate::ownership::death_confirmation::{
    FailureEvidence, Liveness, SuspicionCause, Witnesses, confirm_death,
};
use crate::ownership::failover_deps::FailoverDeps;
use crate::ownership::failover_records::FailoverRecords;
use crate::ownership::handover::hand_over_all;
use crate::ownership::heartbeat_watch::{WATCH_TIME, WATCH_TIME_AFTER_PAUSE};
use crate::ownership::orphans::{TakeoverBatches, claim_orphans};
use crate::ownership::reachability_plan::is_isolated;
use crate::ownership::single_flight::{FlightDecision, SingleFlight};
use crate::ownership::worker_reachability::{WorkerReachability, query_masters};
use ports::fail_points::{DisabledGuard, fail_point, is_disabled};
use ports::{Declaration, DeclarationOutcome, MemberStatus, StoreError};

/// The interval at which orphans are searched for without any event; each node waits a little longer, so that they do not
/// all search at once.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);

/// The pause before a suspect that is alive, or a store that did not answer, is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Age of every heartbeat in the first reading below which the store counts as steady from the start.
const FRESH_HEARTBEAT_MS: i64 = 1_500;

/// The time between two readings from which the store counts as having paused.
const STORE_PAUSE: Duration = Duration::from_secs(3);

/// Time without an answer after which a worker counts as unreachable. Slots are polled every second.
const UNREACHABLE_AFTER: Duration = Duration::from_secs(5);

/// Takes over what dead masters owned.
pub struct FailoverActor {
    deps: FailoverDeps,
    living: Arc<Vec<MemberStatus>>,
    last_reading: Option<Instant>,
    /// When readings came again after the last pause of the store, or after the start while heartbeats were missing.
    paused_until: Option<Instant>,
    /// Suspects that are being confirmed, or that turned out to be alive a moment ago.
    confirming: BTreeSet<Incarnation>,
    records: FailoverRecords,
    scanning: SingleFlight,
    draining: bool,
    workers: WorkerReachability,
    _exit_on_panic: ExitOnPanic,
}

/// A confirmed suspect, and the outcome of its declaration if it is dead.
type Confirmation = (Liveness, Option<DeclarationOutcome>);

impl FailoverActor {
    /// Makes the actor of a master.
    pub fn new(deps: FailoverDeps, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            deps,
            living: Arc::default(),
            last_reading: None,
            paused_until: None,
            confirming: BTreeSet::new(),
            records: FailoverRecords::default(),
            scanning: SingleFlight::default(),
            draining: false,
            workers: WorkerReachability::default(),
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Takes a reading of the live members; returns those that were live in the last one only.
    fn update_members(&mut self, living: Arc<Vec<MemberStatus>>) -> Vec<MemberStatus> {
        let now = Instant::now();
        let has_paused = match self.last_reading {
            Some(last) => now.duration_since(last) > STORE_PAUSE,
            None => living
                .iter()
                .any(|status| status.heartbeat_age_ms > FRESH_HEARTBEAT_MS),
        };
        if has_paused {
            self.paused_until = Some(now);
        }
        self.last_reading = Some(now);
        let before = std::mem::replace(&mut self.living, living);
        let is_gone = |status: &&MemberStatus| self.find(status.member.incarnation).is_none();
        before.iter().filter(is_gone).cloned().collect()
    }

    fn find(&self, incarnation: Incarnation) -> Option<&MemberStatus> {
        let mut living = self.living.iter();
        living.find(|status| status.member.incarnation == incarnation)
    }

    /// Watches whether the heartbeats of a suspect continue, unless that is under way.
    fn suspect(&mut self, incarnation: Incarnation, cause: SuspicionCause, ctx: &mut Context<Self>) {
        let Some(suspect) = self.find(incarnation).cloned() else {
            return;
        };
        let this_node = self.deps.this_node.incarnation;
        if self.draining || incarnation == this_node || !self.confirming.insert(incarnation) {
            return;
        }
        self.records.record_suspicion(incarnation, self.deps.clock.now());
        // After a pause of the store the heartbeats of every member are old.
        let is_steady = self
            .paused_until
            .is_none_or(|at| at.elapsed() >= WATCH_TIME_AFTER_PAUSE);
        let evidence = FailureEvidence {
            watch_time: if is_steady {
                WATCH_TIME
            } else {
                WATCH_TIME_AFTER_PAUSE
            },
            suspect,
            cause,
        };
        let confirmed = confirm_and_declare(self.deps.clone(), evidence);
        ctx.spawn(
            confirmed
                .into_actor(self)
                .map(move |confirmed, actor, ctx| match confirmed {
                    Ok(confirmation) => actor.on_confirmed(incarnation, confirmation, ctx),
                    Err(error) => {
                        tracing::warn!(suspect = %incarnation, %error, "a death could not be declared");
                        actor.allow_retry(incarnation, ctx);
                    }
                }),
        );
    }

    fn on_confirmed(&mut self, suspect: Incarnation, confirmation: Confirmation, ctx: &mut Context<Self>) {
        match confirmation {
            (Liveness::Dead { reason, .. }, Some(DeclarationOutcome::Dead)) => {
                tracing::warn!(dead = %suspect, reason, "declared dead");
                self.on_declared(suspect);
                self.confirming.remove(&suspect);
                self.scan(ctx);
            }
            (Liveness::Ended, _) | (Liveness::Dead { .. }, Some(DeclarationOutcome::AlreadyEnded)) => {
                self.confirming.remove(&suspect);
                self.scan(ctx);
            }
            (Liveness::Alive, _) | (Liveness::Dead { .. }, Some(DeclarationOutcome::HeartbeatStored)) => {
                tracing::debug!(%suspect, "suspected, but alive");
                self.records.clear_suspicion(suspect);
                self.allow_retry(suspect, ctx);
            }
            (Liveness::Dead { .. }, _) => self.allow_retry(suspect, ctx),
            (Liveness::Unknown(reason), _) => {
                tracing::debug!(%suspect, reason, "suspected, but neither dead nor alive for certain");
                self.allow_retry(suspect, ctx);
            }
        }
    }

    fn on_declared(&mut self, dead: Incarnation) {
        metrics::counter!("porpoise_declarations_total").increment(1);
        let Some(status) = self.find(dead) else { return };
        if status.member.has_role("worker") {
            metrics::counter!("porpoise_worker_lost_total").increment(1);
        }
        if status.member.has_role("master") {
            self.records.record_declaration(dead);
            self.records.record_end(dead);
        }
    }

    /// Lets the next reading that misses a suspect confirm it again, after a pause.
    fn allow_retry(&self, suspect: Incarnation, ctx: &mut Context<Self>) {
        ctx.run_later(RETRY_PAUSE, move |actor, _| {
            actor.confirming.remove(&suspect);
        });
    }

    /// Searches for orphans, now, or again after the search that is in flight.
    fn scan(&mut self, ctx: &mut Context<Self>) {
        if self.draining || self.workers.is_yielding() {
            return;
        }
        if self.scanning.request() == FlightDecision::Wait {
            return;
        }
        let deps = self.deps.clone();
        let claimed = async move { claim_orphans(&deps).await };
        ctx.spawn(claimed.into_actor(self).map(|claimed, actor, ctx| {
            let again = actor.scanning.finish();
            match claimed {
                Ok(batches) => actor.record_claims(batches, ctx),
                Err(error) => {
                    tracing::warn!(%error, "orphans could not be claimed");
                    ctx.run_later(RETRY_PAUSE, |actor, ctx| actor.scan(ctx));
                }
            }
            if again {
                actor.scan(ctx);
            }
        }));
    }

    fn record_claims(&mut self, batches: TakeoverBatches, ctx: &mut Context<Self>) {
        let (survivor, now) = (&self.deps.this_node, self.deps.clock.now());
        for record in self.records.acknowledge(batches, survivor, now) {
            let stored = record.store(Arc::clone(&self.deps.store));
            ctx.spawn(stored.into_actor(self));
        }
    }

    /// Checks whether the workers answer; asks the other masters only when too many do not.
    fn check_workers(&mut self, ctx: &mut Context<Self>) {
        if self.draining || self.workers.is_querying() {
            return;
        }
        let mine = self.deps.slots.reachability(UNREACHABLE_AFTER);
        if !self.workers.needs_query(&mine) {
            self.workers.keep();
            return self.apply_plan(&mine.unreachable.into_values().collect::<Vec<_>>(), ctx);
        }
        debug_assert!(is_isolated(&mine) || self.workers.is_yielding());
        self.workers.start_query();
        let queried = query_masters(self.deps.rpc.clone(), self.other_masters());
        ctx.spawn(queried.into_actor(self).map(move |others, actor, ctx| {
            actor.workers.finish_query(&mine, &others);
            actor.apply_plan(&mine.unreachable.into_values().collect::<Vec<_>>(), ctx);
        }));
    }

    fn other_masters(&self) -> Vec<Incarnation> {
        let this_node = self.deps.this_node.incarnation;
        let members = self.living.iter().map(|status| &status.member);
        let others = members.filter(|member| member.is_active_master() && member.incarnation != this_node);
        others.map(|member| member.incarnation).collect()
    }

    fn apply_plan(&mut self, unreachable: &[String], ctx: &mut Context<Self>) {
        let target = self.workers.handover_target();
        self.deps.not_accepting.store(target.is_some(), Ordering::Relaxed);
        let host = target.and_then(|target| Some(self.find(target)?.member.host.clone()));
        let issue = self.workers.health_issue(unreachable, host.as_deref());
        let now = self.deps.clock.now();
        self.deps.health.set_issue("WORKERS_UNREACHABLE", issue, now);
        if let Some(target) = target
            && self.workers.start_handover()
        {
            let deps = self.deps.clone();
            let (count, hand_over) = (deps.master.clone().recipient(), deps.master.clone().recipient());
            let handed_over = async move {
                hand_over_all(&count, &hand_over, &deps.rpc, target).await;
            };
            let finished = handed_over.into_actor(self);
            ctx.spawn(finished.map(|(), actor, _| actor.workers.finish_handover()));
        }
    }
}

async fn confirm_and_declare(
    deps: FailoverDeps,
    evidence: FailureEvidence,
) -> Result<Confirmation, StoreError> {
    let witnesses = Witnesses {
        store: &*deps.store,
        registry: &*deps.registry,
        rpc: &deps.rpc,
    };
    let liveness = confirm_death(witnesses, &evidence).await?;
    let Liveness::Dead { reason, heartbeats } = &liveness else {
        return Ok((liveness, None));
    };
    let declaration = Declaration {
        declared_by: deps.this_node.incarnation,
        dead: evidence.suspect.member.incarnation,
        heartbeats: *heartbeats,
        reason: reason.clone(),
    };
    fail_point("declare.before");
    let declared = deps.store.declare_dead(&declaration).await?;
    fail_point("declare.after");
    Ok((liveness, Some(declared)))
}

impl Actor for FailoverActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if is_disabled(DisabledGuard::PeriodicScan) {
            return;
        }
        self.scan(ctx);
        // Spread over a fifth of the interval, by a number that differs from node to node.
        let spread = u32::try_from(self.deps.this_node.incarnation.0.rem_euclid(5)).unwrap_or(0);
        let interval = SCAN_INTERVAL + SCAN_INTERVAL / 20 * spread;
        ctx.run_interval(interval, |actor, ctx| actor.scan(ctx));
    }
}

impl Handler<Membership> for FailoverActor {
    type Result = ();

    fn handle(&mut self, msg: Membership, ctx: &mut Self::Context) {
        let gone = self.update_members(msg.living);
        for status in &gone {
            if status.member.has_role("master") {
                self.records.record_end(status.member.incarnation);
            }
        }
        if !gone.is_empty() {
            self.scan(ctx);
        }
        self.check_workers(ctx);
        for suspect in msg.suspects {
            let cause = match suspect.basis {
                SuspicionBasis::Registry => SuspicionCause::NotShown,
                SuspicionBasis::HeartbeatOnly => SuspicionCause::HeartbeatOnly,
            };
            self.suspect(suspect.incarnation, cause, ctx);
        }
    }
}

impl Handler<SuspectPeer> for FailoverActor {
    type Result = ();

    fn handle(&mut self, SuspectPeer(incarnation): SuspectPeer, ctx: &mut Self::Context) {
        self.suspect(incarnation, SuspicionCause::ConnectionLost, ctx);
    }
}

impl Handler<StartDrain> for FailoverActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}

impl Handler<Observe> for FailoverActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "live_members": self.living.len(),
            "confirming": self.confirming,
            "workers": self.workers.to_string(),
            "draining": self.draining,
        }))
    }
}
