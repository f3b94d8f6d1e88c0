//! The worker of this node: takes attempts, runs each at most once, and tells its owner until that is stored.
//!
//! `WorkerActor` holds the attempts and the journal, one `TaskActor` runs one attempt. Masters reach it through
//! `WorkerHandle`, directly or by way of an HTTP adapter.

mod actor;
mod attempts;
mod cut_off;
mod desk;
mod draining;
mod environment;
mod folders;
pub mod journal;
mod known;
mod leases;
mod messages;
mod outbox;
mod reporting;
mod task;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix::{Actor, Addr, MailboxError, Message};
use async_trait::async_trait;
use engine::ids::Incarnation;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::links::{LinkError, MasterLink, WorkerLink};
use crate::membership::peers::Peers;
use crate::node::SlotUsage;
use crate::ports::{NodeIdentity, Runner};
use crate::protocol::{Adopt, ReattachAnswer, Dispatch, DispatchReply, Kill, KillAnswer, Owner};
pub use folders::{AttemptPaths, log_file};
use journal::{Journal, JournalError, Replay};

/// So long before its end a drain kills what still runs: SIGTERM, SIGKILL 5 s later, and a moment for that.
pub const KILL_BEFORE: Duration = Duration::from_millis(5_300);

/// What a worker is and has.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// This life.
    pub me: NodeIdentity,
    /// So many attempts may run at a time.
    pub slots: u32,
    /// Where their files are.
    pub folders: AttemptPaths,
    /// The boot of the machine, `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
}

/// The world as the worker sees it.
#[derive(Clone)]
pub struct WorkerPorts {
    /// Starts jobs.
    pub runner: Arc<dyn Runner>,
    /// Outlives this process.
    pub journal: Arc<dyn Journal>,
    /// The way to masters.
    pub masters: Arc<dyn MasterLink>,
    /// Other masters, for results that their owner does not take.
    pub peers: Peers,
    /// The database's time.
    pub clock: Clock,
}

/// The way to the worker of this process.
#[derive(Clone)]
pub struct WorkerHandle {
    addr: Addr<actor::WorkerActor>,
    me: Incarnation,
    total: u32,
    used: Arc<AtomicU32>,
}

/// Kills what earlier lives left running, then starts the worker on the current arbiter.
///
/// Register this life as active only afterwards. A journal that can be read but not written is no error here:
/// each dispatch is refused then, with the reason.
///
/// # Errors
/// When the journal of earlier lives cannot be read, since nobody knows then what may still run.
pub async fn start(config: WorkerConfig, ports: WorkerPorts) -> Result<WorkerHandle, JournalError> {
    let mut replay = Replay::of(ports.journal.read().await?);
    let left = replay.leftovers(&config.folders);
    if !left.is_empty() {
        tracing::info!(
            attempts = left.len(),
            "ending what an earlier life may have left running"
        );
        ports.runner.kill_leftovers(&left).await;
    }
    let life = (config.me.incarnation, config.boot_id.clone());
    replay.lives.push(life);
    if let Err(error) = ports.journal.replace(&replay.lines()).await {
        tracing::error!(%error, "the worker's journal cannot be written");
    }
    let used = Arc::new(AtomicU32::new(0));
    let me = config.me.incarnation;
    let total = config.slots;
    let attempts = attempts::Attempts::recall(me, total, replay, &config.boot_id);
    let addr = actor::WorkerActor::new(config, ports, attempts, Arc::clone(&used)).start();
    Ok(WorkerHandle {
        addr,
        me,
        total,
        used,
    })
}

impl WorkerHandle {
    /// Returns the slots and how many are in use.
    pub fn slots(&self) -> SlotUsage {
        SlotUsage {
            total: self.total,
            used: self.used.load(Ordering::Relaxed),
        }
    }

    /// Takes nothing new, lets running attempts end and their ends be stored; returns at the latest after
    /// `timeout`.
    ///
    /// What still runs `KILL_BEFORE` that is killed and not reported: it is lost, as its next life will say.
    pub async fn drain(&self, timeout: Duration) {
        let (done, over) = oneshot::channel();
        self.addr.do_send(messages::Drain {
            kill_after: timeout.saturating_sub(KILL_BEFORE),
            give_up_after: timeout,
            done,
        });
        // An error means that the actor is gone, and so is everything that it ran.
        over.await.ok();
    }

    /// Returns a picture of the worker for people.
    pub async fn observe(&self) -> serde_json::Value {
        self.addr.send(messages::Observe).await.unwrap_or_default()
    }

    async fn ask<M>(&self, message: M) -> Result<M::Result, LinkError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        actor::WorkerActor: actix::Handler<M>,
        <actor::WorkerActor as Actor>::Context: actix::dev::ToEnvelope<actor::WorkerActor, M>,
    {
        self.addr.send(message).await.map_err(|error| match error {
            MailboxError::Closed => LinkError::NotDelivered(self.name()),
            MailboxError::Timeout => LinkError::NoAnswer(self.name()),
        })
    }

    fn name(&self) -> String {
        format!("worker {}", self.me)
    }
}

#[async_trait]
impl WorkerLink for WorkerHandle {
    async fn dispatch(&self, to: Incarnation, batch: Vec<Dispatch>) -> Result<DispatchReply, LinkError> {
        let (reply, answer) = oneshot::channel();
        self.ask(messages::DispatchBatch { to, batch, reply }).await?;
        answer.await.map_err(|_| LinkError::NoAnswer(self.name()))
    }

    async fn kill(&self, to: Incarnation, batch: Vec<Kill>) -> Result<Vec<KillAnswer>, LinkError> {
        self.ask(messages::KillBatch { to, batch }).await
    }

    async fn adopt(&self, _: Incarnation, batch: Vec<Adopt>) -> Result<Vec<ReattachAnswer>, LinkError> {
        self.ask(messages::AdoptBatch(batch)).await
    }

    async fn hello(&self, to: Incarnation, from: &Owner) -> Result<u32, LinkError> {
        let from = from.clone();
        self.ask(messages::Hello { to, from }).await
    }
}
