//! The actor of a worker: performs the effects that its parts return.

mod handlers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle, WrapFuture};
use engine::attempt::{AttemptEnd, AttemptResult};
use engine::ids::{DispatchId, Incarnation};
use engine::states::KillCause;
use tokio::time::Instant;

use super::attempts::{Attempts, EndDecision, ReportDecision};
use super::config::{WorkerConfig, WorkerPorts};
use super::drain::DrainWaiters;
use super::isolation::{IsolatedStop, IsolationMonitor, SentLeaseRequest, group_by_owner, request_leases};
use super::jobs::RunningJobs;
use super::journal_queue::{AfterWrite, JournalQueue};
use super::leases::StopOrder;
use super::send_queue::{SendQueue, SentBatch, send_reports};
use super::task_actor::TaskListener;
use super::waiting_masters::{WaitingMasters, notify_of_slots};
use ports::KILL_GRACE;
use ports::journal::{Journal, JournalError, JournalRecord};
use ports::protocol::{Dispatch, Owner};

/// Longest time for which a result is in the journal but not on the disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Interval at which an unavailable worker asks whether jobs can be started again.
const AVAILABILITY_INTERVAL: Duration = Duration::from_secs(2);

/// The worker of this node.
pub(crate) struct WorkerActor {
    incarnation: Incarnation,
    ports: WorkerPorts,
    attempts: Attempts,
    journal: JournalQueue,
    jobs: RunningJobs,
    reports: SendQueue,
    isolation: IsolationMonitor,
    waiting_masters: WaitingMasters,
    drain_waiters: DrainWaiters,
    slots_in_use: Arc<AtomicU32>,
    isolation_timer: Option<SpawnHandle>,
    sync_timer: Option<SpawnHandle>,
    availability_timer: Option<SpawnHandle>,
}

impl WorkerActor {
    /// Makes the actor of a worker; it keeps the number of slots in use in `slots_in_use`.
    pub(crate) fn new(
        config: &WorkerConfig,
        ports: WorkerPorts,
        attempts: Attempts,
        journal: JournalQueue,
        slots_in_use: Arc<AtomicU32>,
    ) -> Self {
        Self {
            incarnation: config.me.incarnation,
            jobs: RunningJobs::new(config, &ports),
            ports,
            attempts,
            journal,
            reports: SendQueue::default(),
            isolation: IsolationMonitor::new(Instant::now()),
            waiting_masters: WaitingMasters::default(),
            drain_waiters: DrainWaiters::default(),
            slots_in_use,
            isolation_timer: None,
            sync_timer: None,
            availability_timer: None,
        }
    }

    fn publish_usage(&self) {
        let used = self.attempts.slots().used();
        self.slots_in_use.store(used, Ordering::Relaxed);
    }

    fn record(&mut self, record: JournalRecord, ctx: &mut Context<Self>) {
        self.journal.push_record(record);
        self.pump_journal(ctx);
    }

    /// Writes everything that is queued, unless a write is in flight.
    fn pump_journal(&mut self, ctx: &mut Context<Self>) {
        if self.journal.has_undecided_batch() {
            let reason = self.ports.runner.unavailable_reason();
            self.attempts.slots_mut().set_unavailable(reason);
        }
        let Some((write, after)) = self.journal.begin_write(&mut self.attempts) else {
            return;
        };
        self.publish_usage();
        let write = write.perform(Arc::clone(&self.ports.journal));
        ctx.spawn(write.into_actor(self).map(|written, worker, ctx| {
            worker.on_journal_written(after, written, ctx);
            worker.pump_journal(ctx);
        }));
    }

    /// Starts what the write accepted, and answers the batches that were decided with it.
    fn on_journal_written(
        &mut self,
        after: AfterWrite,
        written: Result<(), JournalError>,
        ctx: &mut Context<Self>,
    ) {
        let (accepted, batches) = self.journal.end_write(after, written, &mut self.attempts);
        for dispatch in accepted {
            if let Some(dispatch) = self.isolation.admit(dispatch, Instant::now()) {
                self.start_job(dispatch, ctx);
            }
        }
        self.check_isolation(ctx);
        self.publish_usage();
        self.watch_availability(ctx);
        let free_slots = self.attempts.slots().free();
        for batch in batches {
            if let Some(master) = batch.waiting_master(free_slots) {
                self.waiting_masters.push(master);
            }
            batch.reply(free_slots);
        }
    }

    /// Starts an attempt that is journaled, unless it was killed before.
    fn start_job(&mut self, dispatch: Dispatch, ctx: &mut Context<Self>) {
        let uid = dispatch.uid;
        if !self.attempts.begin_run(&uid) {
            self.end_unstarted(uid, AttemptResult::Killed, "killed before it was started", ctx);
            return;
        }
        let listener = TaskListener {
            started: ctx.address().recipient(),
            ended: ctx.address().recipient(),
            stopped: ctx.address().recipient(),
        };
        self.jobs.start(dispatch, listener);
    }

    /// Ends what of an attempt runs; one that waits for its first lease ends before it was started.
    fn kill_job(&mut self, uid: &DispatchId, cause: KillCause, ctx: &mut Context<Self>) {
        self.jobs.kill(uid, cause, KILL_GRACE);
        if let Some(dispatch) = self.isolation.take_deferred(uid) {
            self.start_job(dispatch, ctx);
        }
    }

    /// Ends a lost attempt that its owner kills.
    fn end_lost(&mut self, uid: &DispatchId, ctx: &mut Context<Self>) {
        if let Some(record) = self.attempts.end_lost(uid, self.ports.clock.now()) {
            self.record(record, ctx);
        }
    }

    fn end_unstarted(
        &mut self,
        uid: DispatchId,
        result: AttemptResult,
        error: &str,
        ctx: &mut Context<Self>,
    ) {
        let end = AttemptEnd::unstarted(result, error, self.ports.clock.now());
        self.end_attempt(uid, end, ctx);
    }

    fn end_attempt(&mut self, uid: DispatchId, end: AttemptEnd, ctx: &mut Context<Self>) {
        self.jobs.remove(&uid);
        self.isolation.forget(&uid);
        match self.attempts.decide_end(&uid, end) {
            EndDecision::Result(record) => {
                self.record(record, ctx);
                self.schedule_sync(ctx);
                self.report(uid, ctx);
            }
            EndDecision::Lost => self.report(uid, ctx),
            EndDecision::Repeated => {}
        }
        self.publish_usage();
        self.offer_slot(uid, ctx);
        self.finish_drain();
    }

    fn schedule_sync(&mut self, ctx: &mut Context<Self>) {
        if self.sync_timer.is_some() {
            return;
        }
        let timer = ctx.run_later(SYNC_INTERVAL, |worker, ctx| {
            worker.sync_timer = None;
            let journal = Arc::clone(&worker.ports.journal);
            ctx.spawn(sync_journal(journal).into_actor(worker));
        });
        self.sync_timer = Some(timer);
    }

    /// Queues the pending report of an attempt for its owner and sends it, unless a batch is in flight.
    fn report(&mut self, uid: DispatchId, ctx: &mut Context<Self>) {
        if self.attempts.pending_report(&uid).is_none() {
            return;
        }
        if let Some(owner) = self.attempts.owner(uid.instance) {
            let master = owner.incarnation;
            self.reports.push(owner, uid);
            self.send_reports(master, ctx);
        }
    }

    fn send_reports(&mut self, master: Incarnation, ctx: &mut Context<Self>) {
        while let Some((owner, uids)) = self.reports.take_batch(master) {
            let (batch, moved) = self.attempts.reports_to(master, uids);
            for uid in moved {
                self.report(uid, ctx);
            }
            if batch.is_empty() {
                self.reports.complete_batch(master);
                continue;
            }
            let masters = self.ports.peers.active_masters();
            let masters: Vec<Incarnation> = masters.iter().map(|member| member.incarnation).collect();
            let target = self.reports.target(master, &masters);
            let send = send_reports(self.ports.masters.clone(), owner, target, batch);
            ctx.spawn(send.into_actor(self).map(move |sent, worker, ctx| {
                worker.on_reported(master, sent, ctx);
            }));
        }
    }

    fn on_reported(&mut self, master: Incarnation, sent: SentBatch, ctx: &mut Context<Self>) {
        if sent.answers.is_ok() {
            self.isolation.record_contact(Instant::now());
        }
        let answers = sent.answers.unwrap_or_else(|error| {
            tracing::debug!(%error, "reports were not taken");
            Vec::new()
        });
        let mut answers = answers.into_iter();
        let mut is_progress = false;
        for report in &sent.reports {
            match self.attempts.decide_report(master, report, answers.next()) {
                ReportDecision::Stored => is_progress = true,
                ReportDecision::Forget(record) => {
                    is_progress = true;
                    self.journal.push_record(record);
                }
                ReportDecision::Pending => {}
            }
        }
        self.pump_journal(ctx);
        if is_progress {
            self.reports.complete_batch(master);
        } else {
            let pause = self.reports.fail_batch(master);
            ctx.run_later(pause, move |worker, ctx| {
                worker.reports.end_pause(master);
                worker.send_reports(master, ctx);
            });
        }
        for report in sent.reports {
            self.report(report.uid, ctx);
        }
        self.send_reports(master, ctx);
        self.finish_drain();
    }

    /// An owner sent a message: what is pending for its instance goes to it from now on.
    fn report_instance(&mut self, uid: DispatchId, ctx: &mut Context<Self>) {
        for uid in self.attempts.pending_reports_of(uid.instance) {
            self.report(uid, ctx);
        }
    }

    /// Notifies the next waiting master of the slot that an ended attempt released.
    fn offer_slot(&mut self, ended: DispatchId, ctx: &mut Context<Self>) {
        let free = self.attempts.slots().free();
        if free == 0 {
            return;
        }
        let attempts = &self.attempts;
        let reporting_to = attempts.owner(ended.instance).map(|owner| owner.incarnation);
        let has_open_attempt = |master| attempts.has_open_attempt_of(master);
        if let Some(master) = self.waiting_masters.take_next(reporting_to, has_open_attempt) {
            self.notify_master(master, free, ctx);
        }
    }

    /// While jobs cannot be started, asks whether they can; notifies every waiting master then.
    fn watch_availability(&mut self, ctx: &mut Context<Self>) {
        if self.availability_timer.is_some() || !self.attempts.slots().is_unavailable() {
            return;
        }
        let timer = ctx.run_later(AVAILABILITY_INTERVAL, |worker, ctx| {
            worker.availability_timer = None;
            let reason = worker.ports.runner.unavailable_reason();
            worker.attempts.slots_mut().set_unavailable(reason);
            worker.watch_availability(ctx);
            worker.notify_waiting_masters(ctx);
        });
        self.availability_timer = Some(timer);
    }

    fn notify_waiting_masters(&mut self, ctx: &mut Context<Self>) {
        let free = self.attempts.slots().free();
        if free == 0 {
            return;
        }
        for master in self.waiting_masters.take_all() {
            self.notify_master(master, free, ctx);
        }
    }

    fn notify_master(&self, master: Owner, free: u32, ctx: &mut Context<Self>) {
        let masters = self.ports.masters.clone();
        ctx.spawn(notify_of_slots(masters, master, self.incarnation, free).into_actor(self));
    }

    /// Does what is due of leases and contact, and sets the timer for what is due next.
    fn check_isolation(&mut self, ctx: &mut Context<Self>) {
        let due = self.isolation.take_due(Instant::now());
        for stop in due.stops {
            self.stop_isolated(stop, ctx);
        }
        for (owner, batch) in group_by_owner(&due.requests, &self.attempts) {
            let masters = self.ports.masters.clone();
            let request = request_leases(masters, self.incarnation, owner, batch);
            ctx.spawn(request.into_actor(self).map(Self::on_leases_answered));
        }
        if let Some(timer) = self.isolation_timer.take() {
            ctx.cancel_future(timer);
        }
        self.isolation_timer = due.next.map(|next| {
            let wait = next.saturating_duration_since(Instant::now());
            ctx.run_later(wait, |worker, ctx| {
                worker.isolation_timer = None;
                worker.check_isolation(ctx);
            })
        });
    }

    fn on_leases_answered(request: SentLeaseRequest, worker: &mut Self, ctx: &mut Context<Self>) {
        for dispatch in worker.isolation.apply_answers(request, Instant::now()) {
            worker.start_job(dispatch, ctx);
        }
        worker.check_isolation(ctx);
    }

    /// Stops an attempt by itself. It has no result: it is lost, which is reported when its owner can be reached.
    fn stop_isolated(&mut self, stop: IsolatedStop, ctx: &mut Context<Self>) {
        let (IsolatedStop::Deferred(order) | IsolatedStop::Running(order)) = &stop;
        let StopOrder { uid, reason, grace } = order;
        let Some(attempt) = self.attempts.get_mut(uid) else {
            return;
        };
        tracing::warn!(%uid, reason, "an attempt is stopped");
        attempt.stop_isolated(reason.clone());
        match &stop {
            IsolatedStop::Deferred(_) => self.end_unstarted(*uid, AttemptResult::Killed, reason, ctx),
            IsolatedStop::Running(_) => self.jobs.kill(uid, KillCause::Stop, grace.unwrap_or(KILL_GRACE)),
        }
    }

    fn finish_drain(&mut self) {
        if self.attempts.is_drained() {
            self.drain_waiters.answer_all();
        }
    }
}

impl Actor for WorkerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(1024);
        for uid in self.attempts.pending_reports() {
            self.report(uid, ctx);
        }
    }
}

async fn sync_journal(journal: Arc<dyn Journal>) {
    if let Err(error) = journal.sync().await {
        tracing::warn!(%error, "the worker's journal is not on the disk");
    }
}
