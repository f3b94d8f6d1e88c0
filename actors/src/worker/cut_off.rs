//! What the worker does while it is cut off: asks owners for leases, and stops attempts whose policy says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, SpawnHandle, WrapFuture};
use engine::ids::{Incarnation, Uid};
use engine::states::KillCause;
use tokio::time::Instant;

use super::actor::WorkerActor;
use super::leases::{Leases, Stop};
use crate::links::LinkError;
use crate::ports::KILL_GRACE;
use crate::protocol::{Dispatch, Owner, LeaseRequest};

/// An owner that has not answered by then is asked again.
const PATIENCE: Duration = Duration::from_secs(4);

/// The policy of running attempts, with what it needs of the actor.
pub(super) struct Cuts {
    leases: Leases,
    /// Exclusive attempts that wait for their first lease.
    kept: BTreeMap<Uid, Dispatch>,
    timer: Option<SpawnHandle>,
}

impl Default for Cuts {
    fn default() -> Self {
        Self {
            leases: Leases::starting_at(Instant::now()),
            kept: BTreeMap::new(),
            timer: None,
        }
    }
}

impl Cuts {
    /// Some master spoke, or answered.
    pub(super) fn heard_of_a_master(&mut self) {
        self.leases.contact(Instant::now());
    }

    /// The attempt may have another owner.
    pub(super) fn ask_now(&mut self, uid: &Uid) {
        self.leases.ask_now(uid, Instant::now());
    }

    /// Nothing of the attempt runs any more.
    pub(super) fn forget(&mut self, uid: &Uid) {
        self.leases.forget(uid);
        self.kept.remove(uid);
    }
}

impl WorkerActor {
    /// Starts attempts that the journal knows; an exclusive one when it has its first lease.
    pub(super) fn admit(&mut self, taken: Vec<Dispatch>, ctx: &mut Context<Self>) {
        let now = Instant::now();
        for dispatch in taken {
            self.cuts.leases.watch(dispatch.uid, dispatch.on_cut_off, now);
            if self.cuts.leases.may_start(&dispatch.uid, now) {
                self.start_task(dispatch, ctx);
            } else {
                self.cuts.kept.insert(dispatch.uid, dispatch);
            }
        }
        self.mind_cuts(ctx);
    }

    /// Lets a kept attempt go on: it has its lease, or it is to be killed and ends before it was started.
    pub(super) fn start_kept(&mut self, uid: &Uid, ctx: &mut Context<Self>) {
        if let Some(dispatch) = self.cuts.kept.remove(uid) {
            self.start_task(dispatch, ctx);
        }
    }

    /// Does what is due, and comes back when something else is.
    pub(super) fn mind_cuts(&mut self, ctx: &mut Context<Self>) {
        let due = self.cuts.leases.due(Instant::now());
        for stop in due.stop {
            self.stop_cut_off(stop, ctx);
        }
        self.renew(due.renew, ctx);
        if let Some(timer) = self.cuts.timer.take() {
            ctx.cancel_future(timer);
        }
        if let Some(next) = self.cuts.leases.next() {
            let wait = next.saturating_duration_since(Instant::now());
            let timer = ctx.run_later(wait, |worker, ctx| {
                worker.cuts.timer = None;
                worker.mind_cuts(ctx);
            });
            self.cuts.timer = Some(timer);
        }
    }

    /// Stops an attempt by itself. That is no result: it is lost, and the owner hears so when it can be reached.
    fn stop_cut_off(&mut self, stop: Stop, ctx: &mut Context<Self>) {
        let Stop { uid, reason, within } = stop;
        let Some(known) = self.attempts.get_mut(&uid) else {
            return;
        };
        tracing::warn!(%uid, reason, "an attempt is stopped");
        known.cut_off = Some(reason.clone());
        if self.cuts.kept.remove(&uid).is_some() {
            let ended = self.ended_unstarted(&reason);
            self.on_ended(uid, ended, ctx);
        } else {
            self.order_kill(&uid, KillCause::Stop, within.unwrap_or(KILL_GRACE));
        }
    }

    fn renew(&mut self, uids: Vec<Uid>, ctx: &mut Context<Self>) {
        let mut by_owner: BTreeMap<Incarnation, (Owner, Vec<LeaseRequest>)> = BTreeMap::new();
        for uid in uids {
            // Whoever sent the attempt has been seen.
            let Some(owner) = self.attempts.owner(uid.instance) else {
                continue;
            };
            let epoch = owner.epoch;
            let batch = by_owner
                .entry(owner.incarnation)
                .or_insert_with(|| (owner.clone(), Vec::new()));
            batch.1.push(LeaseRequest { uid, epoch });
        }
        for (owner, batch) in by_owner.into_values() {
            self.ask_for_leases(owner, batch, ctx);
        }
    }

    fn ask_for_leases(&mut self, owner: Owner, batch: Vec<LeaseRequest>, ctx: &mut Context<Self>) {
        let masters = Arc::clone(&self.ports.masters);
        let me = self.config.me.incarnation;
        let sent = Instant::now();
        let ask = async move {
            let asked = tokio::time::timeout(PATIENCE, masters.renew(&owner, me, batch.clone())).await;
            (batch, asked.unwrap_or(Err(LinkError::NoAnswer(owner.host))))
        };
        ctx.spawn(ask.into_actor(self).map(move |(batch, answer), worker, ctx| {
            if answer.is_ok() {
                worker.cuts.heard_of_a_master();
            }
            let granted = answer.unwrap_or_else(|error| {
                tracing::debug!(%error, "leases were not answered");
                Vec::new()
            });
            let mut granted = granted.into_iter();
            for LeaseRequest { uid, .. } in batch {
                worker.lease_answered(uid, sent, granted.next() == Some(true), ctx);
            }
            worker.mind_cuts(ctx);
        }));
    }

    fn lease_answered(&mut self, uid: Uid, sent: Instant, granted: bool, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.cuts.leases.answered(&uid, sent, granted, now);
        if self.cuts.leases.may_start(&uid, now) {
            self.start_kept(&uid, ctx);
        }
    }
}

#[cfg(test)]
mod tests;
