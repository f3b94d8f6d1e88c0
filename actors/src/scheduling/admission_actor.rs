//! Admits instances that wait for a place.
//!
//! Owns nothing: which places came free is stored in the commit that gives them back, so that every active master may
//! admit what waits, and becomes its owner in the same commit. In: notices of this node that a place may have come free.
//! Out: passes through the store, admitted instances to the `MasterActor`, notices to owners of instances that have to
//! stop. Behind the notices stands a look several times a second, for places that came free elsewhere. If it dies, the
//! node ends.

use std::time::Duration;

use actix::WeakAddr;
use actix::prelude::*;
use engine::states::InstanceState;
use ports::commit_events::{CommitBroadcast, CommitEvent};
use ports::fail_points::fail_point;
use ports::{AdmissionPass, AdmissionReport, EndedWaiter, StoppingHolder, StoreError};

use crate::exit_on_panic::ExitOnPanic;
use crate::messages::master::{CheckInbox, RunInstance};
use crate::messages::{Observe, StartDrain};
use crate::ownership::single_flight::{FlightDecision, SingleFlight};
use crate::scheduling::admission_deps::AdmissionDeps;

/// The interval at which this node looks for places that came free elsewhere.
const LOOK_INTERVAL: Duration = Duration::from_millis(400);

/// The interval at which every project with waiting instances is looked at.
const RECHECK_INTERVAL: Duration = Duration::from_secs(15);

/// The longest time for which an owner may take to read the inbox of an instance that has to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A place may have come free. Losing it is harmless: the next look finds it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct PlacesChanged;

/// Admits instances that wait for a place.
pub struct AdmissionActor {
    deps: AdmissionDeps,
    looking: SingleFlight,
    draining: bool,
    admitted: u64,
    _exit_on_panic: ExitOnPanic,
}

impl AdmissionActor {
    /// Makes the actor of a master.
    pub fn new(deps: AdmissionDeps, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            deps,
            looking: SingleFlight::default(),
            draining: false,
            admitted: 0,
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Looks for places that came free, after the look that is in flight.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.draining || !self.deps.is_accepting() {
            return;
        }
        if self.looking.request() == FlightDecision::Wait {
            return;
        }
        let deps = self.deps.clone();
        let look = async move { admit_waiting(&deps).await };
        ctx.spawn(look.into_actor(self).map(|admitted, actor, ctx| {
            match admitted {
                Ok(admitted) => actor.admitted += admitted,
                Err(error) => {
                    tracing::warn!(%error, "waiting instances could not be admitted; they are looked at again");
                }
            }
            if actor.looking.finish() {
                actor.look(ctx);
            }
        }));
    }

    /// Has a later look consider every project with waiting instances.
    fn recheck(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let store = self.deps.store.clone();
        let recheck = async move { store.recheck_places().await };
        ctx.spawn(recheck.into_actor(self).map(|rechecked, _, _| {
            if let Err(error) = rechecked {
                tracing::debug!(%error, "waiting instances could not be noted for another look");
            }
        }));
    }
}

/// Passes notices on while the actor runs.
async fn forward_notices(notices: CommitBroadcast, actor: WeakAddr<AdmissionActor>) {
    loop {
        notices.place_notice().await;
        let Some(actor) = actor.upgrade() else { return };
        actor.do_send(PlacesChanged);
    }
}

/// Passes over the places that came free until none is left; returns the number of admitted instances.
async fn admit_waiting(deps: &AdmissionDeps) -> Result<u64, StoreError> {
    let mut admitted = 0;
    while deps.store.has_place_work(deps.clock.now()).await? {
        let pass = AdmissionPass {
            claimant: deps.this_node.clone(),
            at: deps.clock.now(),
        };
        fail_point("admission.before_commit");
        let report = deps.store.admit_waiting(&pass).await?;
        fail_point("admission.after_commit");
        let has_more = report.has_more;
        admitted += u64::try_from(report.admitted.len()).unwrap_or(u64::MAX);
        act_on(deps, report).await?;
        if !has_more {
            break;
        }
    }
    Ok(admitted)
}

/// Does what follows from a pass that is stored.
async fn act_on(deps: &AdmissionDeps, report: AdmissionReport) -> Result<(), StoreError> {
    record_report(&report);
    for claimed in report.admitted {
        deps.master.do_send(RunInstance {
            claimed,
            new_instance: None,
        });
    }
    for ended in report.ended {
        publish_end(deps, &ended);
    }
    for holder in report.stopping {
        notify_holder(deps, holder);
    }
    if report.has_releases {
        for backfill in deps.store.list_unsettled_backfills().await? {
            deps.commit_events.publish_backfill(backfill);
        }
    }
    Ok(())
}

fn record_report(report: &AdmissionReport) {
    let admitted = u64::try_from(report.admitted.len()).unwrap_or(u64::MAX);
    metrics::counter!("porpoise_admissions_total", "outcome" => "admitted").increment(admitted);
    for ended in &report.ended {
        metrics::counter!("porpoise_admissions_total", "outcome" => ended.cause.as_str()).increment(1);
    }
}

/// Wakes those who wait on this node for the end of an instance that was queued.
fn publish_end(deps: &AdmissionDeps, ended: &EndedWaiter) {
    deps.commit_events.publish(CommitEvent {
        id: ended.id,
        at: deps.clock.now(),
        host: deps.this_node.host.clone(),
        epoch: ended.epoch,
        state: Some(InstanceState::Stopped),
        transitions: Vec::new(),
        decided: Vec::new(),
    });
    deps.commit_events.notify_alerts();
    if let Some(backfill) = ended.backfill {
        deps.commit_events.publish_backfill(backfill);
    }
}

/// Makes the owner of a holder read its inbox, in which the stop is. An owner that the notice does not reach finds the stop
/// at its next reconciliation.
fn notify_holder(deps: &AdmissionDeps, holder: StoppingHolder) {
    match holder.owner {
        Some(owner) if owner != deps.this_node.incarnation => {
            let rpc = deps.rpc.clone();
            actix_rt::spawn(async move { rpc.check_inbox(owner, holder.id, STOP_TIMEOUT).await.ok() });
        }
        _ => deps.master.do_send(CheckInbox(holder.id)),
    }
}

impl Actor for AdmissionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let notices = self.deps.commit_events.clone();
        actix_rt::spawn(forward_notices(notices, ctx.address().downgrade()));
        self.recheck(ctx);
        ctx.run_interval(LOOK_INTERVAL, |actor, ctx| actor.look(ctx));
        ctx.run_interval(RECHECK_INTERVAL, |actor, ctx| actor.recheck(ctx));
    }
}

impl Handler<PlacesChanged> for AdmissionActor {
    type Result = ();

    fn handle(&mut self, _: PlacesChanged, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<StartDrain> for AdmissionActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}

impl Handler<Observe> for AdmissionActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "admitted": self.admitted,
            "draining": self.draining,
        }))
    }
}
