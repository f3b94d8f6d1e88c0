//! Makes alerts of events and of times that have passed, and delivers them.
//!
//! Owns nothing: events, alerts and deliveries are rows, and any master may take the next step with them. In: notices of
//! this node that a commit stored events. Out: passes through the store, and messages to channels under leases. Behind the
//! notices stands a look every second, for events of other nodes, for times that pass, and for deliveries of nodes that
//! died. If it dies, the node ends.

use std::time::{Duration, Instant};

use actix::WeakAddr;
use actix::prelude::*;
use engine::ids::DeliveryId;
use ports::commit_events::CommitBroadcast;
use ports::fail_points::fail_point;
use ports::{ClaimedDelivery, DeliveryBacklog, DeliveryClaim, StoreError};

use super::alert_deps::AlertDeps;
use super::delivery::{InFlight, LEASE, deliver};
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::{IsIdle, Observe, StartDrain};
use crate::ownership::single_flight::{FlightDecision, SingleFlight};

/// The interval at which this node looks for what other nodes stored and for times that have passed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The most deliveries that this node tries at the same time.
const MAX_IN_FLIGHT: usize = 64;

/// A commit stored events, or a try has ended. Losing it is harmless: the next look finds what there is.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct AlertsChanged;

/// What a look found.
struct Look {
    alerts: u64,
    claimed: Vec<ClaimedDelivery>,
    claimed_at: Instant,
    backlog: DeliveryBacklog,
}

/// Makes alerts and delivers them.
pub struct AlertActor {
    deps: AlertDeps,
    looking: SingleFlight,
    in_flight: InFlight,
    draining: bool,
    made: u64,
    _exit_on_panic: ExitOnPanic,
}

impl AlertActor {
    /// Makes the actor of a master.
    pub fn new(deps: AlertDeps, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            deps,
            looking: SingleFlight::default(),
            in_flight: InFlight::default(),
            draining: false,
            made: 0,
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Looks for events and deliveries, after the look that is in flight.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.draining || self.looking.request() == FlightDecision::Wait {
            return;
        }
        let deps = self.deps.clone();
        let held = self.in_flight.deliveries();
        let look = async move { look_at_alerts(&deps, held).await };
        ctx.spawn(look.into_actor(self).map(|found, actor, ctx| {
            match found {
                Ok(look) => actor.take_look(look, ctx),
                Err(error) => tracing::warn!(%error, "alerts could not be looked at; the next look does it"),
            }
            if actor.looking.finish() {
                actor.look(ctx);
            }
        }));
    }

    fn take_look(&mut self, look: Look, ctx: &mut Context<Self>) {
        self.made += look.alerts;
        record_backlog(&look.backlog, &self.deps);
        for claimed in look.claimed {
            self.try_delivery(claimed, look.claimed_at, ctx);
        }
        // A retry that is due before the next look wakes this node itself.
        let wait = look.backlog.next_at.map(|at| at.since(self.deps.clock.now()));
        let wait = wait
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis);
        if let Some(wait) = wait.filter(|wait| *wait < LOOK_INTERVAL) {
            ctx.run_later(wait, |actor, ctx| actor.look(ctx));
        }
    }

    fn try_delivery(&mut self, claimed: ClaimedDelivery, claimed_at: Instant, ctx: &mut Context<Self>) {
        let id: DeliveryId = claimed.id;
        self.in_flight.begin(id);
        let delivery = deliver(self.deps.clone(), claimed, claimed_at);
        ctx.spawn(delivery.into_actor(self).map(move |(), actor, ctx| {
            actor.in_flight.end(id);
            actor.look(ctx);
        }));
    }
}

/// Passes notices on while the actor runs.
async fn forward_notices(notices: CommitBroadcast, actor: WeakAddr<AlertActor>) {
    loop {
        notices.alert_notice().await;
        let Some(actor) = actor.upgrade() else { return };
        actor.do_send(AlertsChanged);
    }
}

/// Makes alerts of all events that wait, and claims deliveries.
async fn look_at_alerts(deps: &AlertDeps, held: Vec<DeliveryId>) -> Result<Look, StoreError> {
    let store = &deps.resources.store;
    let mut alerts = 0;
    loop {
        fail_point("alerts.before_pass");
        let pass = store.make_alerts(deps.clock.now()).await?;
        fail_point("alerts.after_pass");
        alerts += pass.alerts;
        if !pass.has_more {
            break;
        }
    }
    let backlog = store.delivery_backlog().await?;
    let now = deps.clock.now();
    let is_due = backlog.next_at.is_some_and(|at| at <= now);
    // Measured before the claim, so that the lease ends here no later than there.
    let claimed_at = Instant::now();
    let free = MAX_IN_FLIGHT.saturating_sub(held.len());
    let claimed = if is_due && free > 0 {
        let claim = DeliveryClaim {
            owner: deps.this_node,
            at: now,
            lease_ms: i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX),
            limit: u32::try_from(free).unwrap_or(u32::MAX),
            held,
        };
        let claimed = store.claim_deliveries(&claim).await?;
        fail_point("delivery.after_claim");
        claimed
    } else {
        Vec::new()
    };
    Ok(Look {
        alerts,
        claimed,
        claimed_at,
        backlog,
    })
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a gauge of the metrics crate is a float"
)]
fn record_backlog(backlog: &DeliveryBacklog, deps: &AlertDeps) {
    let age_ms = backlog
        .oldest
        .map_or(0, |oldest| deps.clock.now().since(oldest).max(0));
    metrics::gauge!("porpoise_alerts_waiting").set(backlog.waiting as f64);
    metrics::gauge!("porpoise_alerts_oldest_seconds").set(age_ms as f64 / 1_000.0);
}

impl Actor for AlertActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let notices = self.deps.commit_events.clone();
        actix_rt::spawn(forward_notices(notices, ctx.address().downgrade()));
        ctx.run_interval(LOOK_INTERVAL, |actor, ctx| actor.look(ctx));
    }
}

impl Handler<AlertsChanged> for AlertActor {
    type Result = ();

    fn handle(&mut self, _: AlertsChanged, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<StartDrain> for AlertActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}

impl Handler<IsIdle> for AlertActor {
    type Result = bool;

    fn handle(&mut self, _: IsIdle, _: &mut Self::Context) -> bool {
        self.in_flight.len() == 0
    }
}

impl Handler<Observe> for AlertActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "made": self.made,
            "in_flight": self.in_flight.len(),
            "draining": self.draining,
        }))
    }
}
