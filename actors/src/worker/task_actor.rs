//! The actor of one running attempt: its job, its time limit, its kill.

use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, WrapFuture};
use engine::attempt::{AttemptEnd, AttemptResult};
use engine::ids::DispatchId;
use engine::states::KillCause;
use tokio::sync::mpsc;

use super::config::WorkerPorts;
use super::messages::{AttemptEnded, AttemptStarted, KillTask, TaskActorStopped};
use ports::journal::ProcessId;
use ports::{Job, JobEnd, KILL_GRACE, RunningJob, StartError};

/// Time past its limit at which the worker kills an attempt by itself. The owner, which judges the limit, acts first.
const OWNER_GRACE: Duration = Duration::from_secs(10);

/// The recipient of what happens to an attempt.
#[derive(Clone)]
pub(crate) struct TaskListener {
    pub(crate) started: Recipient<AttemptStarted>,
    pub(crate) ended: Recipient<AttemptEnded>,
    pub(crate) stopped: Recipient<TaskActorStopped>,
}

/// Runs one attempt from its start to the end of its last process.
pub(crate) struct TaskActor {
    run: Option<JobRun>,
    kill: mpsc::UnboundedSender<KillTask>,
    notice: StopNotice,
}

/// Reports that the actor stopped, also while a panic unwinds it.
struct StopNotice {
    uid: DispatchId,
    listener: TaskListener,
}

impl Drop for StopNotice {
    fn drop(&mut self) {
        self.listener.stopped.do_send(TaskActorStopped { uid: self.uid });
    }
}

impl TaskActor {
    /// Makes the actor of a job.
    pub(crate) fn new(job: Job, ports: WorkerPorts, listener: TaskListener) -> Self {
        let (kill, orders) = mpsc::unbounded_channel();
        let uid = job.dispatch.uid;
        let started = listener.started.clone();
        Self {
            run: Some(JobRun {
                job,
                ports,
                started,
                orders,
            }),
            kill,
            notice: StopNotice { uid, listener },
        }
    }
}

impl Actor for TaskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let Some(run) = self.run.take() else {
            return;
        };
        let end = run.run_to_end().into_actor(self).map(|end, task, ctx| {
            let uid = task.notice.uid;
            task.notice.listener.ended.do_send(AttemptEnded { uid, end });
            actix::ActorContext::stop(ctx);
        });
        ctx.spawn(end);
    }
}

impl Handler<KillTask> for TaskActor {
    type Result = ();

    fn handle(&mut self, order: KillTask, _: &mut Context<Self>) {
        self.kill.send(order).ok();
    }
}

/// A job with what it needs while it runs.
struct JobRun {
    job: Job,
    ports: WorkerPorts,
    started: Recipient<AttemptStarted>,
    orders: mpsc::UnboundedReceiver<KillTask>,
}

impl JobRun {
    async fn run_to_end(mut self) -> AttemptEnd {
        let mut running = match self.ports.runner.start(&self.job).await {
            Ok(running) => running,
            Err(StartError { reason, failure }) => {
                return AttemptEnd {
                    failure,
                    ..AttemptEnd::unstarted(AttemptResult::Failed, &reason, self.ports.clock.now())
                };
            }
        };
        let process = ProcessId {
            pid: running.pid(),
            start_ticks: running.start_ticks(),
        };
        let pid = process.pid;
        let started_at = self.ports.clock.now();
        self.started.do_send(AttemptStarted {
            uid: self.job.dispatch.uid,
            process,
            at: started_at,
        });
        let end = self.wait_for_end(running.as_mut()).await;
        let ended_at = self.ports.clock.now();
        AttemptEnd {
            result: end.result,
            exit_code: end.exit_code,
            error: end.error,
            failure: end.failure,
            outputs: end.outputs,
            pid,
            started_at: Some(started_at),
            log_bytes: self.ports.logs.size(&self.job.dispatch.uid).await,
            ended_at,
        }
    }

    /// Waits for the end of a job, which an order or its time limit may kill; the first cause counts.
    async fn wait_for_end(&mut self, running: &mut dyn RunningJob) -> JobEnd {
        let timeout_ms = self.job.dispatch.timeout_ms;
        let limit = timeout_ms.and_then(|ms| u64::try_from(ms).ok());
        let time_limit = wait_past_limit(limit);
        tokio::pin!(time_limit);
        let mut cause = None;
        let mut in_time = true;
        loop {
            tokio::select! {
                end = running.wait() => return with_kill_reason(end, cause, limit),
                Some(order) = self.orders.recv() => {
                    cause.get_or_insert(order.cause);
                    running.kill(order.grace);
                }
                () = &mut time_limit, if in_time => {
                    in_time = false;
                    cause.get_or_insert(KillCause::Timeout);
                    running.kill(KILL_GRACE);
                }
            }
        }
    }
}

async fn wait_past_limit(limit: Option<u64>) {
    match limit {
        Some(ms) => tokio::time::sleep(Duration::from_millis(ms).saturating_add(OWNER_GRACE)).await,
        None => std::future::pending().await,
    }
}

/// Replaces the reason of a killed job by the cause of its kill.
fn with_kill_reason(end: JobEnd, cause: Option<KillCause>, limit: Option<u64>) -> JobEnd {
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
        Some(KillCause::Stop | KillCause::Strategy | KillCause::Kill | KillCause::Skip) => JobEnd {
            error: Some("killed on request".to_owned()),
            ..end
        },
        None => end,
    }
}
