//! The handle by which this process reaches its worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, MailboxError, Message};
use engine::ids::Incarnation;
use tokio::sync::oneshot;

use super::attempts::Attempts;
use super::config::{WorkerConfig, WorkerPorts};
use super::journal_queue::JournalQueue;
use super::messages::{
    DispatchAttempts, DrainWorker, KillAttempts, ObserveWorker, PollSlots, ReattachAttempts,
};
use super::replay::Replay;
use super::worker_actor::WorkerActor;
use ports::connections::ConnectionTester;
use ports::journal::JournalError;
use ports::node::SlotUsage;
use ports::rpc::calls::{WorkerCall, WorkerReply};
use ports::rpc::transport::CallError;

/// Time before the end of a drain at which what still runs is killed: SIGTERM, SIGKILL 5 s later, and the reports of
/// the ends.
pub const KILL_BEFORE: Duration = Duration::from_millis(5_300);

/// The handle of the worker of this process.
#[derive(Clone)]
pub struct WorkerHandle {
    addr: Addr<WorkerActor>,
    incarnation: Incarnation,
    slots: u32,
    slots_in_use: Arc<AtomicU32>,
    connections: Arc<dyn ConnectionTester>,
}

/// Kills what earlier incarnations left running and removes its files, then starts the worker on the current arbiter.
///
/// Register this incarnation as active only afterwards. A journal that can be read but not written is no error here:
/// each dispatch is refused then, with the reason.
///
/// # Errors
/// When the journal of earlier incarnations cannot be read: what may still run is unknown then. Do not start the node.
pub async fn start(config: WorkerConfig, ports: WorkerPorts) -> Result<WorkerHandle, JournalError> {
    let incarnation = config.me.incarnation;
    let mut replay = Replay::from_records(ports.journal.read().await?);
    let left = replay.leftovers(&config.paths);
    if !left.is_empty() {
        tracing::info!(
            attempts = left.len(),
            "killing what an earlier incarnation may have left running"
        );
        ports.runner.kill_leftovers(&left).await;
    }
    ports.runner.remove_leftover_files(config.paths.work());
    replay.begin_incarnation(incarnation, &config.boot_id);
    let rewritten = ports.journal.replace(&replay.records()).await;
    if let Err(error) = &rewritten {
        tracing::error!(%error, "the worker's journal cannot be written");
    }
    let slots_in_use = Arc::new(AtomicU32::new(0));
    let attempts = Attempts::recover(incarnation, config.slots, replay, &config.boot_id);
    let journal = JournalQueue::new(&rewritten);
    let connections = Arc::clone(&ports.connections);
    let actor = WorkerActor::new(&config, ports, attempts, journal, Arc::clone(&slots_in_use));
    Ok(WorkerHandle {
        addr: actor.start(),
        incarnation,
        slots: config.slots,
        slots_in_use,
        connections,
    })
}

impl WorkerHandle {
    /// Returns the slots and how many are in use.
    pub fn slots(&self) -> SlotUsage {
        SlotUsage {
            total: self.slots,
            used: self.slots_in_use.load(Ordering::Relaxed),
        }
    }

    /// Accepts nothing new, lets running attempts end and their ends be stored; returns at the latest after
    /// `timeout`.
    ///
    /// What still runs `KILL_BEFORE` that is killed and not reported: it is lost, as the next incarnation answers.
    pub async fn drain(&self, timeout: Duration) {
        let (done, drained) = oneshot::channel();
        self.addr.do_send(DrainWorker {
            kill_after: timeout.saturating_sub(KILL_BEFORE),
            give_up_after: timeout,
            done,
        });
        // An error means that the actor is gone, and so is everything that it ran.
        drained.await.ok();
    }

    /// Returns a readable picture of the worker.
    pub async fn observe(&self) -> serde_json::Value {
        self.addr.send(ObserveWorker).await.unwrap_or_default()
    }

    async fn send<M>(&self, message: M) -> Result<M::Result, CallError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        WorkerActor: Handler<M>,
        Context<WorkerActor>: actix::dev::ToEnvelope<WorkerActor, M>,
    {
        self.addr.send(message).await.map_err(|error| match error {
            MailboxError::Closed => CallError::NotDelivered(self.name()),
            MailboxError::Timeout => CallError::NoAnswer(self.name()),
        })
    }

    fn name(&self) -> String {
        format!("worker {}", self.incarnation)
    }
}

impl WorkerHandle {
    /// Answers a call. The worker itself refuses attempts for an incarnation other than its own.
    ///
    /// # Errors
    /// `NotDelivered` when the worker has ended; after `NoAnswer` the call may have had its effect.
    pub async fn answer(&self, to: Incarnation, call: WorkerCall) -> Result<WorkerReply, CallError> {
        match call {
            WorkerCall::Dispatch { batch } => {
                let (reply, answer) = oneshot::channel();
                self.send(DispatchAttempts { to, batch, reply }).await?;
                let reply = answer.await.map_err(|_| CallError::NoAnswer(self.name()))?;
                Ok(WorkerReply::Dispatched(reply))
            }
            WorkerCall::Kill { batch } => {
                let answers = self.send(KillAttempts { to, batch }).await?;
                Ok(WorkerReply::Killing { answers })
            }
            WorkerCall::Reattach { batch } => {
                let answers = self.send(ReattachAttempts(batch)).await?;
                Ok(WorkerReply::Reattached { answers })
            }
            WorkerCall::PollSlots { from } => {
                let free = self.send(PollSlots { to, from }).await?;
                Ok(WorkerReply::FreeSlots { free })
            }
            // It takes seconds, and no slot: the actor has no part in it.
            WorkerCall::TestConnection { connection } => {
                let test = self.connections.test(&connection).await;
                Ok(WorkerReply::ConnectionTested(test))
            }
        }
    }
}
