//! One running attempt: its job, its time limit, its kill.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, WrapFuture};
use engine::ids::Uid;
use engine::instance::{AttemptResult, Ended};
use engine::states::KillCause;
use tokio::sync::mpsc;

use super::journal::Process;
use super::messages::{AttemptEnded, AttemptStarted, KillAttempt, TaskGone};
use crate::clock::Clock;
use crate::ports::{Job, JobEnd, KILL_GRACE, Runner};

/// The owner judges the limit first; the worker acts by itself only so much later.
const GRACE: Duration = Duration::from_secs(10);

/// Whom a task actor tells.
#[derive(Clone)]
pub(super) struct Listener {
    pub(super) started: Recipient<AttemptStarted>,
    pub(super) ended: Recipient<AttemptEnded>,
    pub(super) gone: Recipient<TaskGone>,
}

/// Runs one attempt from its start to the end of its last process.
pub(super) struct TaskActor {
    job: Option<Job>,
    runner: Arc<dyn Runner>,
    clock: Clock,
    kill: mpsc::UnboundedSender<KillAttempt>,
    orders: Option<mpsc::UnboundedReceiver<KillAttempt>>,
    notice: Notice,
}

/// Tells that the actor is gone, also while a panic unwinds it.
struct Notice {
    uid: Uid,
    listener: Listener,
}

impl Drop for Notice {
    fn drop(&mut self) {
        self.listener.gone.do_send(TaskGone { uid: self.uid });
    }
}

impl TaskActor {
    pub(super) fn new(job: Job, runner: Arc<dyn Runner>, clock: Clock, listener: Listener) -> Self {
        let (kill, orders) = mpsc::unbounded_channel();
        Self {
            notice: Notice {
                uid: job.dispatch.uid,
                listener,
            },
            job: Some(job),
            runner,
            clock,
            kill,
            orders: Some(orders),
        }
    }
}

impl Actor for TaskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let (Some(job), Some(orders)) = (self.job.take(), self.orders.take()) else {
            return;
        };
        let run = Run {
            runner: Arc::clone(&self.runner),
            clock: self.clock.clone(),
            started: self.notice.listener.started.clone(),
            orders,
        };
        let end = run.until_the_end(job).into_actor(self).map(|ended, task, ctx| {
            let uid = task.notice.uid;
            task.notice.listener.ended.do_send(AttemptEnded { uid, ended });
            actix::ActorContext::stop(ctx);
        });
        ctx.spawn(end);
    }
}

impl Handler<KillAttempt> for TaskActor {
    type Result = ();

    fn handle(&mut self, order: KillAttempt, _: &mut Context<Self>) {
        self.kill.send(order).ok();
    }
}

/// What it takes to run a job.
struct Run {
    runner: Arc<dyn Runner>,
    clock: Clock,
    started: Recipient<AttemptStarted>,
    orders: mpsc::UnboundedReceiver<KillAttempt>,
}

impl Run {
    async fn until_the_end(mut self, job: Job) -> Ended {
        let uid = job.dispatch.uid;
        let mut running = match self.runner.start(&job).await {
            Ok(running) => running,
            Err(reason) => return not_started(reason, &self.clock),
        };
        let pid = running.pid();
        let started_at = self.clock.now();
        self.started.do_send(AttemptStarted {
            uid,
            process: Process {
                pid,
                start_ticks: running.start_ticks(),
            },
            at: started_at,
        });
        let limit = job.dispatch.timeout_ms.and_then(|ms| u64::try_from(ms).ok());
        let over = out_of_time(limit);
        tokio::pin!(over);
        let mut cause = None;
        let mut in_time = true;
        let end = loop {
            tokio::select! {
                end = running.wait() => break end,
                Some(order) = self.orders.recv() => {
                    cause.get_or_insert(order.cause);
                    running.kill(order.within);
                }
                () = &mut over, if in_time => {
                    in_time = false;
                    cause.get_or_insert(KillCause::Timeout);
                    running.kill(KILL_GRACE);
                }
            }
        };
        let end = explained(end, cause, limit);
        Ended {
            result: end.result,
            exit_code: end.exit_code,
            error: end.error,
            outputs: end.outputs,
            pid,
            started_at: Some(started_at),
            ended_at: self.clock.now(),
        }
    }
}

async fn out_of_time(limit: Option<u64>) {
    match limit {
        Some(ms) => tokio::time::sleep(Duration::from_millis(ms).saturating_add(GRACE)).await,
        None => std::future::pending().await,
    }
}

/// A kill that we ordered ends with the reason of the order.
fn explained(end: JobEnd, cause: Option<KillCause>, limit: Option<u64>) -> JobEnd {
    if end.result != AttemptResult::Killed {
        return end;
    }
    match cause {
        Some(KillCause::Timeout) => JobEnd {
            result: AttemptResult::TimedOut,
            error: Some(match limit {
                Some(ms) => format!("timed out after {ms} ms"),
                None => "timed out".to_owned(),
            }),
            ..end
        },
        Some(KillCause::Stop | KillCause::Strategy) => JobEnd {
            error: Some("killed on request".to_owned()),
            ..end
        },
        None => end,
    }
}

fn not_started(reason: String, clock: &Clock) -> Ended {
    Ended {
        result: AttemptResult::Failed,
        exit_code: None,
        error: Some(reason),
        outputs: std::collections::BTreeMap::new(),
        pid: None,
        started_at: None,
        ended_at: clock.now(),
    }
}
