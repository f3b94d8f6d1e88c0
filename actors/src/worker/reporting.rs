//! How the worker tells masters: reports until they are stored, and slots that came free.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use engine::ids::{Incarnation, Uid};

use super::actor::WorkerActor;
use super::journal::Line;
use crate::links::LinkError;
use crate::protocol::{AttemptUpdate, Owner, Report, ReportAnswer};

/// How often a worker that takes nothing for a while looks whether that is over.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The largest batch of reports.
const BATCH: usize = 500;

/// Batches in vain before results go to another master than the owner.
const RELAY_AFTER: u32 = 2;

/// A master that has not answered by then is asked again.
const PATIENCE: Duration = Duration::from_secs(10);

impl WorkerActor {
    /// Queues what is to be told about an attempt and sends it, unless a batch is under way.
    pub(super) fn tell(&mut self, uid: Uid, ctx: &mut Context<Self>) {
        let Some(owner) = self.attempts.owner(uid.instance).cloned() else {
            return;
        };
        if self.attempts.report(&uid).is_some() {
            self.outbox.queue(&owner, uid);
            self.flush(owner.incarnation, ctx);
        }
    }

    fn flush(&mut self, master: Incarnation, ctx: &mut Context<Self>) {
        while let Some((owner, uids)) = self.outbox.take(master, BATCH) {
            let batch = self.reports_for(master, uids, ctx);
            if batch.is_empty() {
                self.outbox.done(master);
                continue;
            }
            let masters = Arc::clone(&self.ports.masters);
            let other = self.relay_for(master);
            let send = async move {
                let told = batch.clone();
                let asked = async {
                    match other {
                        Some(other) => masters.relay(other, told).await,
                        None => masters.report(&owner, told).await,
                    }
                };
                let answers = tokio::time::timeout(PATIENCE, asked)
                    .await
                    .unwrap_or_else(|_| Err(LinkError::NoAnswer(owner.host.clone())));
                (batch, answers)
            };
            ctx.spawn(send.into_actor(self).map(move |(batch, answers), worker, ctx| {
                worker.on_answers(master, batch, answers, ctx);
            }));
        }
    }

    /// Names another master that keeps results for an owner which has not taken them for a while: the owner may be
    /// dead, or cut off from here. Every second time the owner itself is asked again.
    fn relay_for(&self, owner: Incarnation) -> Option<Incarnation> {
        let failures = self.outbox.failures(owner);
        if failures < RELAY_AFTER || failures % 2 == 1 {
            return None;
        }
        let others = self.ports.peers.active_masters();
        let others: Vec<Incarnation> = others
            .iter()
            .map(|member| member.incarnation)
            .filter(|other| *other != owner)
            .collect();
        let turn = usize::try_from(failures / 2).unwrap_or(0);
        others.get(turn % others.len().max(1)).copied()
    }

    /// Makes the reports for one master; what belongs to another by now goes there.
    fn reports_for(&mut self, master: Incarnation, uids: Vec<Uid>, ctx: &mut Context<Self>) -> Vec<Report> {
        let mut batch = Vec::with_capacity(uids.len());
        for uid in uids {
            let here = self
                .attempts
                .owner(uid.instance)
                .is_some_and(|owner| owner.incarnation == master);
            if here {
                batch.extend(self.attempts.report(&uid));
            } else {
                self.tell(uid, ctx);
            }
        }
        batch
    }

    fn on_answers(
        &mut self,
        master: Incarnation,
        batch: Vec<Report>,
        answers: Result<Vec<ReportAnswer>, LinkError>,
        ctx: &mut Context<Self>,
    ) {
        if answers.is_ok() {
            self.cuts.heard_of_a_master();
        }
        let answers = answers.unwrap_or_else(|error| {
            tracing::debug!(%error, "reports were not taken");
            Vec::new()
        });
        let mut moved_on = false;
        let mut again = Vec::new();
        let mut answers = answers.into_iter();
        for report in batch {
            let uid = report.uid;
            match answers.next() {
                Some(ReportAnswer::Stored) => {
                    moved_on = true;
                    self.on_stored(report);
                }
                Some(ReportAnswer::Moved { owner: Some(owner) }) if owner.incarnation != master => {
                    self.attempts.see(uid.instance, &owner);
                }
                Some(ReportAnswer::Moved { .. } | ReportAnswer::Later) | None => {}
            }
            again.push(uid);
        }
        self.pump_journal(ctx);
        self.go_on(master, moved_on, again, ctx);
        self.look_drained();
    }

    fn on_stored(&mut self, report: Report) {
        let uid = report.uid;
        match report.fact {
            AttemptUpdate::Started { .. } => {
                if let Some(known) = self.attempts.get_mut(&uid) {
                    known.start_told = true;
                }
            }
            AttemptUpdate::Ended(_) | AttemptUpdate::Lost { .. } => {
                self.attempts.stored(uid);
                self.desk.note(Line::Forgotten { uid });
            }
        }
    }

    fn go_on(&mut self, master: Incarnation, moved_on: bool, again: Vec<Uid>, ctx: &mut Context<Self>) {
        if moved_on {
            self.outbox.done(master);
        } else {
            let wait = self.outbox.failed(master);
            ctx.run_later(wait, move |worker, ctx| {
                worker.outbox.retry(master);
                worker.flush(master, ctx);
            });
        }
        for uid in again {
            self.tell(uid, ctx);
        }
        self.flush(master, ctx);
    }

    /// Slots came free: tells the next master that waits for one. The owner of what ended learns it from the
    /// report.
    pub(super) fn offer_slots(&mut self, ended: Uid, ctx: &mut Context<Self>) {
        let free = self.attempts.free();
        if free == 0 {
            return;
        }
        let reporting_to = self.attempts.owner(ended.instance).map(|owner| owner.incarnation);
        let others = |owner: &Owner| Some(owner.incarnation) != reporting_to;
        let idle = |owner: &Owner| !self.attempts.has_open_of(owner.incarnation);
        let place = |wanted: &dyn Fn(&Owner) -> bool| self.hungry.iter().position(wanted);
        let next = place(&others).or_else(|| place(&idle));
        if let Some(owner) = next.and_then(|place| self.hungry.remove(place)) {
            self.push_slots(owner, free, ctx);
        }
    }

    /// While new work is refused, looks whether that is over, and then tells every master that waits.
    pub(super) fn look_again(&mut self, ctx: &mut Context<Self>) {
        if self.looking || !self.attempts.is_refusing() {
            return;
        }
        self.looking = true;
        ctx.run_later(LOOK_AGAIN, |worker, ctx| {
            worker.looking = false;
            worker.attempts.refuse(worker.ports.runner.unavailable_reason());
            worker.look_again(ctx);
            let free = worker.attempts.free();
            if free > 0 {
                for owner in std::mem::take(&mut worker.hungry) {
                    worker.push_slots(owner, free, ctx);
                }
            }
        });
    }

    fn push_slots(&self, owner: Owner, free: u32, ctx: &mut Context<Self>) {
        let masters = Arc::clone(&self.ports.masters);
        let me = self.config.me.incarnation;
        let push = async move {
            let told = tokio::time::timeout(Duration::from_secs(2), masters.slots(&owner, me, free)).await;
            if !matches!(told, Ok(Ok(()))) {
                tracing::debug!(master = %owner.incarnation, "slots were not taken; its next hello tells them");
            }
        };
        ctx.spawn(push.into_actor(self));
    }
}
