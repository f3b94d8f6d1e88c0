//! The messages of a worker: each is applied to its parts.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, WrapFuture};
use engine::attempt::AttemptResult;
use engine::ids::DispatchId;
use engine::states::KillCause;
use tokio::time::Instant;

use super::WorkerActor;
use crate::worker::drain::DrainPhase;
use crate::worker::messages::{
    AttemptEnded, AttemptStarted, DispatchAttempts, DrainWorker, KillAttempts, ObserveWorker, PollSlots,
    ReattachAttempts, TaskActorStopped,
};
use ports::journal::JournalRecord;
use ports::protocol::{KillAnswer, ReattachAnswer};

/// Time for which the report of a start waits for the end, so that a short task reports once.
const START_REPORT_DELAY: Duration = Duration::from_millis(20);

/// The report of a start has waited long enough.
#[derive(Message)]
#[rtype(result = "()")]
struct StartReportDue(DispatchId);

impl Handler<DispatchAttempts> for WorkerActor {
    type Result = ();

    fn handle(&mut self, batch: DispatchAttempts, ctx: &mut Context<Self>) {
        self.isolation.record_contact(Instant::now());
        self.journal.push_batch(batch);
        self.pump_journal(ctx);
    }
}

impl Handler<KillAttempts> for WorkerActor {
    type Result = MessageResult<KillAttempts>;

    fn handle(&mut self, KillAttempts { to, batch }: KillAttempts, ctx: &mut Context<Self>) -> Self::Result {
        self.isolation.record_contact(Instant::now());
        let mut answers = Vec::with_capacity(batch.len());
        for kill in &batch {
            let answer = self.attempts.decide_kill(to, kill);
            if answer == KillAnswer::Killing {
                self.kill_job(&kill.uid, kill.cause, ctx);
                self.end_lost(&kill.uid, ctx);
            }
            self.report_instance(kill.uid, ctx);
            answers.push(answer);
        }
        MessageResult(answers)
    }
}

impl Handler<ReattachAttempts> for WorkerActor {
    type Result = MessageResult<ReattachAttempts>;

    fn handle(&mut self, ReattachAttempts(batch): ReattachAttempts, ctx: &mut Context<Self>) -> Self::Result {
        let now = Instant::now();
        self.isolation.record_contact(now);
        let mut answers = Vec::with_capacity(batch.len());
        for request in &batch {
            let answer = self.attempts.reattach(request);
            if !matches!(answer, ReattachAnswer::StaleEpoch { .. }) {
                self.report_instance(request.uid, ctx);
                self.isolation.request_now(&request.uid, now);
            }
            answers.push(answer);
        }
        self.check_isolation(ctx);
        MessageResult(answers)
    }
}

impl Handler<PollSlots> for WorkerActor {
    type Result = u32;

    fn handle(&mut self, PollSlots { to, from }: PollSlots, _: &mut Context<Self>) -> u32 {
        self.isolation.record_contact(Instant::now());
        let free = if to == self.incarnation {
            self.attempts.slots().free()
        } else {
            0
        };
        if free == 0 {
            self.waiting_masters.push(&from);
        }
        free
    }
}

impl Handler<AttemptStarted> for WorkerActor {
    type Result = ();

    fn handle(&mut self, AttemptStarted { uid, process, at }: AttemptStarted, ctx: &mut Context<Self>) {
        self.attempts.record_start(&uid, process.clone(), at);
        self.record(JournalRecord::Started { uid, process, at }, ctx);
        ctx.notify_later(StartReportDue(uid), START_REPORT_DELAY);
    }
}

impl Handler<StartReportDue> for WorkerActor {
    type Result = ();

    fn handle(&mut self, StartReportDue(uid): StartReportDue, ctx: &mut Context<Self>) {
        if let Some(attempt) = self.attempts.get_mut(&uid) {
            attempt.release_start_report();
            self.report(uid, ctx);
        }
    }
}

impl Handler<AttemptEnded> for WorkerActor {
    type Result = ();

    fn handle(&mut self, AttemptEnded { uid, end }: AttemptEnded, ctx: &mut Context<Self>) {
        self.end_attempt(uid, end, ctx);
    }
}

impl Handler<TaskActorStopped> for WorkerActor {
    type Result = ();

    /// Without an end before it, the task actor panicked: what it started is killed.
    fn handle(&mut self, TaskActorStopped { uid }: TaskActorStopped, ctx: &mut Context<Self>) {
        self.jobs.remove(&uid);
        let Some(attempt) = self.attempts.get(&uid).filter(|attempt| attempt.has_slot()) else {
            return;
        };
        let left = self.jobs.leftover(uid, attempt.journaled().process());
        let runner = Arc::clone(&self.ports.runner);
        let kill = async move { runner.kill_leftovers(&[left]).await };
        ctx.spawn(kill.into_actor(self).map(move |(), worker, ctx| {
            let error = "the worker lost track of it because of an error of its own";
            worker.end_unstarted(uid, AttemptResult::Failed, error, ctx);
        }));
    }
}

impl Handler<DrainWorker> for WorkerActor {
    type Result = ();

    fn handle(&mut self, drain: DrainWorker, ctx: &mut Context<Self>) {
        self.drain_waiters.push(drain.done);
        self.attempts.slots_mut().enter_drain_phase(DrainPhase::Draining);
        ctx.run_later(drain.kill_after, |worker, ctx| {
            worker.attempts.slots_mut().enter_drain_phase(DrainPhase::Killing);
            for uid in worker.attempts.with_slot() {
                worker.kill_job(&uid, KillCause::Stop, ctx);
            }
        });
        ctx.run_later(drain.give_up_after, |worker, _| {
            worker.drain_waiters.answer_all();
        });
        self.finish_drain();
    }
}

impl Handler<ObserveWorker> for WorkerActor {
    type Result = MessageResult<ObserveWorker>;

    fn handle(&mut self, _: ObserveWorker, _: &mut Context<Self>) -> Self::Result {
        MessageResult(serde_json::json!({
            "incarnation": self.incarnation,
            "slots": self.attempts.slots().total(),
            "used": self.attempts.slots().used(),
            "tracked": self.attempts.len(),
            "drain": format!("{:?}", self.attempts.slots().drain_phase()).to_lowercase(),
            "reporting_to": self.reports.masters(),
            "waiting_masters": self.waiting_masters.incarnations(),
        }))
    }
}
