//! Starts the actors of a node in the order in which they need each other.

use std::sync::Arc;

use actix::prelude::*;
use engine::task::Worker;
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::clock::Clock;
use crate::db::DbActor;
use crate::dispatch::{DispatchActor, WorkerJoined};
use crate::hub::Hub;
use crate::links::InProcess;
use crate::local::LocalNode;
use crate::master::MasterActor;
use crate::ports::{Me, Runner, Store};
use crate::slots::Slots;
use crate::vital::Vital;
use crate::worker::journal::Journal;
use crate::worker::{self, Folders, WorkerConfig, WorkerHandle, WorkerPorts};
use crate::workflow::Surroundings;

/// Commits kept for slow listeners; a listener that misses more looks at the store.
const HUB: usize = 4096;

/// Instances being loaded at once.
const LOADS: usize = 32;

/// What a node with a master and a worker is made of.
#[derive(Clone)]
pub struct Ingredients {
    /// This life.
    pub me: Me,
    /// The database's clock.
    pub clock: Clock,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Starts jobs.
    pub runner: Arc<dyn Runner>,
    /// Outlives the process.
    pub journal: Arc<dyn Journal>,
    /// Where the files of attempts are.
    pub folders: Folders,
    /// The boot of the machine.
    pub boot_id: String,
    /// The group of the worker.
    pub group: String,
    /// How many attempts run at the same time.
    pub slots: u32,
    /// Ends the process when an actor dies that it cannot do without.
    pub end_node: Arc<dyn Fn(&'static str) + Send + Sync>,
}

/// Starts worker, writer, dispatcher and master, and answers the facade over them.
///
/// The member must be `active` before, since only an active member may claim. The worker has ended what earlier
/// lives left running before any master asks it. The master's actors share one arbiter, so that the path from an
/// event to the writer crosses no thread; the worker has its own, because it waits for the kernel.
///
/// # Errors
/// In words, when the journal of the worker cannot be read.
pub async fn standalone(parts: Ingredients) -> Result<LocalNode, String> {
    let heart = Arbiter::new();
    let workflows = heart.handle();
    let (started, node) = oneshot::channel();
    heart.spawn_fn(move || {
        actix_rt::spawn(async move {
            started.send(start(parts, workflows).await).ok();
        });
    });
    node.await
        .map_err(|_| "the actors of the master did not start".to_owned())?
}

/// Runs on the master's arbiter.
async fn start(parts: Ingredients, workflows: ArbiterHandle) -> Result<LocalNode, String> {
    let vital = |actor| Vital::new(actor, Arc::clone(&parts.end_node));
    let context = Context::<MasterActor>::new();
    let master = context.address();
    let worker = start_worker(&parts, master.clone()).await?;
    let slots = Slots::default();
    let hub = Hub::with_capacity(HUB);
    let db = DbActor::new(Arc::clone(&parts.store), vital("DbActor")).start();
    let link = Arc::new(worker.clone());
    let dispatch = DispatchActor::new(&parts.me, link, slots.clone(), vital("DispatchActor")).start();
    let me = Worker {
        incarnation: parts.me.incarnation,
        name: parts.me.name.clone(),
    };
    dispatch.do_send(WorkerJoined {
        worker: me,
        group: parts.group.clone(),
        slots: parts.slots,
    });
    let around = Surroundings {
        me: parts.me.clone(),
        clock: parts.clock.clone(),
        store: Arc::clone(&parts.store),
        db: db.clone(),
        dispatch: dispatch.clone(),
        slots,
        hub: hub.clone(),
        loads: Arc::new(Semaphore::new(LOADS)),
    };
    context.run(MasterActor::new(around, vec![workflows], vital("MasterActor")));
    Ok(LocalNode {
        me: parts.me,
        clock: parts.clock,
        hub,
        db,
        master,
        dispatch,
        worker: Some(worker),
        drain_bell: Arc::new(Notify::new()),
    })
}

async fn start_worker(parts: &Ingredients, master: Addr<MasterActor>) -> Result<WorkerHandle, String> {
    let config = WorkerConfig {
        me: parts.me.clone(),
        slots: parts.slots,
        folders: parts.folders.clone(),
        boot_id: parts.boot_id.clone(),
    };
    let ports = WorkerPorts {
        runner: Arc::clone(&parts.runner),
        journal: Arc::clone(&parts.journal),
        masters: Arc::new(InProcess { master }),
        clock: parts.clock.clone(),
    };
    let (started, handle) = oneshot::channel();
    Arbiter::new().spawn(async move {
        started
            .send(
                worker::start(config, ports)
                    .await
                    .map_err(|error| error.to_string()),
            )
            .ok();
    });
    handle.await.map_err(|_| "the worker did not start".to_owned())?
}
