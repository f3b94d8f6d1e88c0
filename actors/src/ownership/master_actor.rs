//! Supervises the workflow actors of this node.
//!
//! Owns the map from instance to actor. In: claimed instances, requests to read inboxes, reports of workers, exits of
//! actors. Out: actors, which are built from the store whatever ended the last one, a bounded number of times; past the
//! bound the instance needs attention. If it dies, the node ends.

mod queries;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Epoch, Incarnation, InstanceId};
use engine::states::OwnershipReason;
use futures_util::future::join_all;
use tokio::sync::oneshot;

use crate::execution::loading::LoadMode;
use crate::execution::workflow_actor::WorkflowActor;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::StartDrain;
use crate::messages::master::{
    CheckInbox, DeliverReports, FreeSlots, HandOverInstances, HandoverSelection, InboxStatus, OrphanScanDone,
    ReconcileNow, RelayReports, RenewLeases, RunClaimed, RunInstance,
};
use crate::messages::workflow::{
    ActorExit, DeliveryOutcome, ExitReason, OwnershipLost, ReadInbox, TakeoverTracker, WorkerDead,
};
use crate::ownership::children::{Children, Origin};
use crate::ownership::handover::store_handover;
use crate::ownership::reconcile::{ClaimResult, claim_one, clear_claims, close_relayed_results};
use crate::ownership::reports::{ReportRoute, UnownedReportHandler, deliver_reports};
use crate::ownership::single_flight::{FlightDecision, SingleFlight};
use ports::protocol::{LeaseAnswer, LeaseRequest, ReportAnswer};
use ports::{ClaimedInstance, HandOver, OwnedInstance, Ownership};

/// The interval at which what this node owns is compared with what it runs.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(5);

/// The pause before the first reading of what this node owns is tried again.
const READ_PAUSE: Duration = Duration::from_millis(200);

/// The number of messages in the mailbox from which senders wait for room.
const MAILBOX: usize = 8192;

/// Supervises workflow actors.
pub struct MasterActor {
    deps: WorkflowDeps,
    children: Children,
    /// What this node owns has been compared with what it runs at least once.
    reconciled: bool,
    /// Orphans of dead nodes have been searched for at least once.
    scanned: bool,
    reconciling: SingleFlight,
    draining: bool,
    _exit_on_panic: ExitOnPanic,
}

impl MasterActor {
    /// Makes the supervisor of a master.
    ///
    /// `arbiters` must not be empty; one is enough for two cores.
    pub fn new(deps: WorkflowDeps, arbiters: Vec<ArbiterHandle>, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            children: Children::new(deps.clone(), arbiters),
            deps,
            reconciled: false,
            scanned: false,
            reconciling: SingleFlight::default(),
            draining: false,
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Starts the actor of an instance that was just claimed, and logs that.
    fn run_claimed(&mut self, claimed: &ClaimedInstance, mode: LoadMode, ctx: &mut Context<Self>) {
        tracing::info!(
            instance = %claimed.id, epoch = %claimed.epoch, why = %claimed.reason,
            from_host = claimed.from_host, to_host = self.deps.this_node.host, "instance owned"
        );
        let owned = Ownership {
            id: claimed.id,
            epoch: claimed.epoch,
        };
        let origin = match claimed.reason {
            OwnershipReason::Failover | OwnershipReason::Handover => Origin::OtherMaster,
            _ => Origin::Local,
        };
        self.children
            .start(owned, origin, mode, ctx.address().recipient());
    }

    /// Starts missing actors, and makes actors read inboxes that hold something new.
    fn reconcile(&mut self, ctx: &mut Context<Self>) {
        if self.reconciling.request() == FlightDecision::Wait {
            return;
        }
        let (store, this_node) = (Arc::clone(&self.deps.store), self.deps.this_node.incarnation);
        self.children.follow_clock();
        let (now, progressed) = (self.deps.clock.now(), self.children.take_progressed());
        ctx.spawn(clear_claims(Arc::clone(&store), this_node, progressed).into_actor(self));
        ctx.spawn(close_relayed_results(Arc::clone(&store), now).into_actor(self));
        let read = async move { store.list_owned(this_node).await };
        ctx.spawn(read.into_actor(self).map(|read, actor, ctx| {
            if actor.reconciling.finish() {
                actor.reconcile(ctx);
            }
            match read {
                Ok(owned) => actor.compare(&owned, ctx),
                Err(error) if actor.reconciled => {
                    tracing::warn!(%error, "reconciliation could not read the store");
                }
                Err(error) => {
                    tracing::warn!(%error, "the first reconciliation could not read the store; it is repeated");
                    ctx.run_later(READ_PAUSE, Self::reconcile);
                }
            }
        }));
    }

    fn pass_inbox(&self, instance: &OwnedInstance) {
        if !instance.has_unread_inbox {
            return;
        }
        if let Some(addr) = self.children.addr_of(instance.id) {
            addr.do_send(ReadInbox);
        }
    }

    fn compare(&mut self, owned: &[OwnedInstance], ctx: &mut Context<Self>) {
        for instance in owned {
            let OwnedInstance { id, epoch, .. } = *instance;
            if self.children.epoch_of(id).is_some_and(|known| known >= epoch) {
                self.pass_inbox(instance);
                continue;
            }
            // Another master handed it over: this is the only way in which an instance comes here unannounced.
            let exits = ctx.address().recipient();
            self.children.start(
                Ownership { id, epoch },
                Origin::OtherMaster,
                LoadMode::Recover,
                exits,
            );
        }
        self.reconciled = true;
    }

    fn route_of(&self, id: InstanceId) -> ReportRoute {
        match self.children.epoch_of(id) {
            Some(_) => self
                .children
                .addr_of(id)
                .map_or(ReportRoute::NotYet, ReportRoute::Actor),
            None if self.reconciled && self.scanned => ReportRoute::NotOwned,
            None => ReportRoute::NotYet,
        }
    }

    fn unowned_reports(&self) -> UnownedReportHandler {
        let store = Arc::clone(&self.deps.store);
        UnownedReportHandler::new(store, self.deps.this_node.incarnation, self.deps.clock.now())
    }

    fn on_claim_result(
        &mut self,
        id: InstanceId,
        result: ClaimResult,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, InboxStatus> {
        let status = match result {
            ClaimResult::Claimed(claimed) => {
                self.run_claimed(&claimed, LoadMode::Recover, ctx);
                return Box::pin(read_inbox(self.children.addr_of(id)).into_actor(self));
            }
            ClaimResult::Idle => InboxStatus::Decided,
            ClaimResult::OwnedElsewhere => InboxStatus::OwnedElsewhere,
        };
        Box::pin(actix::fut::ready(status))
    }

    fn on_handed_over(&mut self, id: InstanceId, epoch: Epoch, target: Incarnation) {
        let from_host = &self.deps.this_node.host;
        tracing::info!(instance = %id, %epoch, to = %target, from_host, why = "handover", "instance handed over");
        if let Some(actor) = self.children.addr_of(id) {
            actor.do_send(OwnershipLost);
        }
        self.children.remove(id);
    }
}

async fn read_inbox(addr: Option<Addr<WorkflowActor>>) -> InboxStatus {
    let Some(addr) = addr else {
        return InboxStatus::Retry;
    };
    match addr.send(ReadInbox).await {
        Ok(DeliveryOutcome::Stored) => InboxStatus::Decided,
        Ok(DeliveryOutcome::Later) | Err(_) => InboxStatus::Retry,
    }
}

impl Actor for MasterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        tracing::debug!("master started");
        self.reconcile(ctx);
        ctx.run_interval(RECONCILE_INTERVAL, |actor, ctx| actor.reconcile(ctx));
    }
}

impl Handler<RunInstance> for MasterActor {
    type Result = ();

    fn handle(&mut self, msg: RunInstance, ctx: &mut Self::Context) {
        let mode = msg.new_instance.map_or(LoadMode::Recover, LoadMode::New);
        self.run_claimed(&msg.claimed, mode, ctx);
    }
}

impl Handler<RunClaimed> for MasterActor {
    type Result = ResponseFuture<()>;

    fn handle(
        &mut self,
        RunClaimed { claimed, counts }: RunClaimed,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let mut loads = Vec::with_capacity(claimed.len());
        for claimed in &claimed {
            let (loaded, load) = oneshot::channel();
            let tracker = TakeoverTracker {
                loaded,
                counts: Arc::clone(&counts),
            };
            self.run_claimed(claimed, LoadMode::Takeover(tracker), ctx);
            loads.push(load);
        }
        Box::pin(async move {
            // An actor that dropped its sender was fenced, or is restarted by this supervisor.
            join_all(loads).await;
        })
    }
}

impl Handler<ActorExit> for MasterActor {
    type Result = ();

    fn handle(&mut self, ActorExit { id, epoch, reason }: ActorExit, ctx: &mut Self::Context) {
        if self.children.epoch_of(id) != Some(epoch) {
            return;
        }
        match reason {
            ExitReason::Done | ExitReason::Fenced => self.children.remove(id),
            ExitReason::Resync | ExitReason::Panicked => {
                let Some(restart) = self.children.plan_restart(id, reason) else {
                    return;
                };
                ctx.run_later(restart.pause, move |actor, ctx| {
                    let exits = ctx.address().recipient();
                    actor
                        .children
                        .restart(Ownership { id, epoch }, restart.mode, exits);
                });
            }
        }
    }
}

impl Handler<CheckInbox> for MasterActor {
    type Result = ResponseActFuture<Self, InboxStatus>;

    fn handle(&mut self, CheckInbox(id): CheckInbox, _: &mut Self::Context) -> Self::Result {
        if self.children.epoch_of(id).is_some() {
            return Box::pin(read_inbox(self.children.addr_of(id)).into_actor(self));
        }
        if self.draining {
            return Box::pin(actix::fut::ready(InboxStatus::OwnedElsewhere));
        }
        let (store, db) = (Arc::clone(&self.deps.store), self.deps.db.clone());
        let (claimant, at) = (self.deps.this_node.clone(), self.deps.clock.now());
        let claimed = async move { claim_one(&*store, &db, claimant, (id, at)).await };
        Box::pin(claimed.into_actor(self).then(move |claimed, actor, ctx| match claimed {
            Ok(result) => actor.on_claim_result(id, result, ctx),
            Err(error) => {
                tracing::warn!(instance = %id, %error, "an instance with a new command could not be claimed");
                Box::pin(actix::fut::ready(InboxStatus::Retry))
            }
        }))
    }
}

impl Handler<DeliverReports> for MasterActor {
    type Result = ResponseFuture<Vec<ReportAnswer>>;

    fn handle(&mut self, DeliverReports(reports): DeliverReports, _: &mut Self::Context) -> Self::Result {
        deliver_reports(reports, |id| self.route_of(id), self.unowned_reports())
    }
}

impl Handler<RelayReports> for MasterActor {
    type Result = ResponseFuture<Vec<ReportAnswer>>;

    fn handle(&mut self, RelayReports(reports): RelayReports, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.unowned_reports().relay(reports))
    }
}

impl Handler<RenewLeases> for MasterActor {
    type Result = MessageResult<RenewLeases>;

    fn handle(&mut self, RenewLeases { worker, batch }: RenewLeases, _: &mut Self::Context) -> Self::Result {
        let leases = &self.deps.leases;
        let can_grant = leases.can_grant(worker);
        let answer = |LeaseRequest { uid, epoch }: &LeaseRequest| {
            if !can_grant || self.children.epoch_of(uid.instance) != Some(*epoch) {
                return LeaseAnswer::Denied;
            }
            leases.record_grant(*uid, *epoch);
            LeaseAnswer::Granted
        };
        MessageResult(batch.iter().map(answer).collect())
    }
}

impl Handler<FreeSlots> for MasterActor {
    type Result = ();

    fn handle(&mut self, msg: FreeSlots, _: &mut Self::Context) {
        self.deps.slots.report_free(msg.worker, msg.free);
    }
}

impl Handler<WorkerDead> for MasterActor {
    type Result = ();

    fn handle(&mut self, dead: WorkerDead, _: &mut Self::Context) {
        self.children.addrs().for_each(|actor| actor.do_send(dead));
    }
}

impl Handler<OrphanScanDone> for MasterActor {
    type Result = ();

    fn handle(&mut self, _: OrphanScanDone, _: &mut Self::Context) {
        self.scanned = true;
    }
}

impl Handler<ReconcileNow> for MasterActor {
    type Result = ();

    fn handle(&mut self, _: ReconcileNow, ctx: &mut Self::Context) {
        self.reconcile(ctx);
    }
}

impl Handler<HandOverInstances> for MasterActor {
    type Result = ResponseActFuture<Self, usize>;

    fn handle(&mut self, msg: HandOverInstances, _: &mut Self::Context) -> Self::Result {
        let HandOverInstances { target, selection } = msg;
        let is_refused = self.draining && matches!(selection, HandoverSelection::These(_));
        let instances = self.children.select(selection);
        if is_refused || instances.is_empty() {
            return Box::pin(actix::fut::ready(self.children.len()));
        }
        let hand_over = HandOver {
            from: self.deps.this_node.clone(),
            to: target,
            instances,
            at: self.deps.clock.now(),
        };
        let db = self.deps.db.clone();
        let stored = async move { store_handover(&db, hand_over).await };
        Box::pin(stored.into_actor(self).map(move |handed_over, actor, _| {
            for Ownership { id, epoch } in handed_over {
                actor.on_handed_over(id, epoch, target);
            }
            actor.children.len()
        }))
    }
}

impl Handler<StartDrain> for MasterActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}
