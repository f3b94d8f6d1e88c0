//! Starts the actors of a node in the order in which they need each other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix::prelude::*;
use engine::ids::Generation;
use tokio::sync::{Notify, oneshot};

use crate::ownership::balance_actor;
use crate::ownership::balance_actor::BalanceActor;
use crate::clock::Clock;
use crate::membership::health::HealthStatus;
use crate::execution::db_actor::DbActor;
use crate::execution::dispatch_actor;
use crate::execution::dispatch_actor::DispatchActor;
use crate::ownership::failover_actor::{FailoverActor, FailoverDeps};
use crate::execution::commit_events::CommitBroadcast;
use crate::links::{MasterLink, NoPeers, PeerLink, WorkerLink};
use crate::rpc::in_process::InProcess;
use crate::execution::instance_loader::InstanceLoader;
use crate::local::{LocalNode, MasterActors};
use crate::ownership::master_actor::MasterActor;
use crate::membership::peers::Peers;
use crate::ports::{Member, NodeIdentity, Registry, Runner, Store};
use crate::membership::liveness::LivenessMonitor;
use crate::membership::registry_actor::{RegistryActor, RegistryDeps};
use crate::messages::membership::Membership;
use crate::execution::lease_grants::LeaseGrants;
use crate::execution::slots::Slots;
use crate::execution::worker_selection::WorkerSelection;
use crate::exit_on_panic::ExitOnPanic;
use crate::worker::journal::Journal;
use crate::worker;
use crate::worker::{Folders, WorkerConfig, WorkerHandle, WorkerPorts};
use crate::execution::workflow_actor::WorkflowDeps;

/// Commits kept for slow listeners; a listener that misses more looks at the store.
const HUB: usize = 4096;

/// What the actors of a node reach other nodes through.
#[derive(Clone)]
pub struct Links {
    /// To workers.
    pub workers: Arc<dyn WorkerLink>,
    /// To masters.
    pub masters: Arc<dyn MasterLink>,
    /// To any node.
    pub peers: Arc<dyn PeerLink>,
}

/// What a node is made of.
#[derive(Clone)]
pub struct NodeDeps {
    /// This life.
    pub me: Member,
    /// The database's generation.
    pub generation: Generation,
    /// The database's clock.
    pub clock: Clock,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The registry in which this life is registered.
    pub registry: Arc<dyn Registry>,
    /// The ways to others; without them, master and worker of this node have only each other.
    pub ways: Option<Links>,
    /// Who lives; filled by the actors.
    pub peers: Peers,
    /// What a user sees of troubles.
    pub condition: HealthStatus,
    /// Signs of life of the arbiters.
    pub pulse: LivenessMonitor,
    /// Rung when the node is told to drain.
    pub drain_bell: Arc<Notify>,
    /// What the worker is made of; only with that role.
    pub worker: Option<WorkerResources>,
    /// What the master is made of; only with that role.
    pub master: Option<MasterConfig>,
    /// Ends the process when an actor dies that it cannot do without.
    pub end_node: Arc<dyn Fn(&'static str) + Send + Sync>,
}

/// What a master is made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct MasterConfig {
    /// How it chooses workers.
    pub choice: WorkerSelection,
    /// Whether it gives instances to masters that have fewer.
    pub rebalance: bool,
}

/// What a worker is made of.
#[derive(Clone)]
pub struct WorkerResources {
    /// Starts jobs.
    pub runner: Arc<dyn Runner>,
    /// Outlives the process.
    pub journal: Arc<dyn Journal>,
    /// Where the files of attempts are.
    pub folders: Folders,
    /// The boot of the machine.
    pub boot_id: String,
    /// How many attempts run at the same time.
    pub slots: u32,
}

impl NodeDeps {
    /// Returns who this node is.
    pub fn me(&self) -> NodeIdentity {
        NodeIdentity {
            incarnation: self.me.incarnation,
            host: self.me.host.clone(),
            name: self.me.name.clone(),
            generation: self.generation,
        }
    }

    /// Without ways to others, nobody else could own anything.
    fn renewals(&self) -> LeaseGrants {
        match self.ways {
            Some(_) => LeaseGrants::among(self.me.incarnation, self.peers.clone()),
            None => LeaseGrants::alone(),
        }
    }

    fn vital(&self, actor: &'static str) -> ExitOnPanic {
        ExitOnPanic::new(actor, Arc::clone(&self.end_node))
    }
}

/// Makes this life an active member; run when its worker has swept up.
pub type Activation = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Starts the actors of a node, and answers the facade over them.
///
/// First the worker: it has ended what earlier lives left running before anybody can ask it. Then `activation`
/// makes the member active, since only an active one may claim. Then the rest. The actors share one arbiter, so
/// that the path from an event to the writer crosses no thread; the worker has its own, because it waits for the
/// kernel.
///
/// # Errors
/// In words, when the journal of the worker cannot be read, or the member does not become active.
pub async fn start(parts: NodeDeps, activation: Activation) -> Result<LocalNode, String> {
    let heart = Arbiter::new();
    let workflows = heart.handle();
    parts.pulse.watch("the actors of the node", &workflows);
    let (started, node) = oneshot::channel();
    heart.spawn_fn(move || {
        actix_rt::spawn(async move {
            started.send(start_here(parts, activation, workflows).await).ok();
        });
    });
    node.await
        .map_err(|_| "the actors of the node did not start".to_owned())?
}

/// Runs on the arbiter of the actors.
async fn start_here(
    parts: NodeDeps,
    activation: Activation,
    workflows: ArbiterHandle,
) -> Result<LocalNode, String> {
    let context = parts.master.map(|_| Context::<MasterActor>::new());
    let master = context.as_ref().map(AsyncContext::address);
    let worker = match &parts.worker {
        Some(tools) => Some(start_worker(&parts, tools, master.as_ref()).await?),
        None => None,
    };
    activation.await?;
    let hub = CommitBroadcast::with_capacity(HUB);
    let db = DbActor::new(Arc::clone(&parts.store), parts.vital("DbActor")).start();
    let masters = context.and_then(|context| {
        let ways = MasterLinks::of(&parts, worker.as_ref())?;
        Some(start_master(&parts, context, ways, (&db, &hub), workflows))
    });
    watch_members(&parts, masters.as_ref());
    Ok(LocalNode {
        me: parts.me(),
        clock: parts.clock,
        store: parts.store,
        hub,
        db,
        masters,
        worker,
        peers: parts.peers,
        link: parts.ways.map(|ways| ways.peers),
        condition: parts.condition,
        drain_bell: parts.drain_bell,
        draining: Arc::default(),
    })
}

/// What a master speaks through.
struct MasterLinks {
    workers: Arc<dyn WorkerLink>,
    peers: Arc<dyn PeerLink>,
}

impl MasterLinks {
    /// Without ways to others there is the worker of this node, or nobody to speak to.
    fn of(parts: &NodeDeps, worker: Option<&WorkerHandle>) -> Option<Self> {
        match (&parts.ways, worker) {
            (Some(ways), _) => Some(Self {
                workers: Arc::clone(&ways.workers),
                peers: Arc::clone(&ways.peers),
            }),
            (None, Some(worker)) => Some(Self {
                workers: Arc::new(worker.clone()),
                peers: Arc::new(NoPeers),
            }),
            (None, None) => None,
        }
    }
}

fn start_master(
    parts: &NodeDeps,
    context: Context<MasterActor>,
    ways: MasterLinks,
    (db, hub): (&Addr<DbActor>, &CommitBroadcast),
    workflows: ArbiterHandle,
) -> MasterActors {
    let supervisor = context.address();
    let MasterConfig { choice, rebalance } = parts.master.unwrap_or_default();
    let slots = Slots::choosing(choice);
    let renewals = parts.renewals();
    let closed = Arc::default();
    let senders = dispatch::Links {
        link: ways.workers,
        store: Arc::clone(&parts.store),
        renewals: renewals.clone(),
    };
    let over = supervisor.clone().recipient();
    let vital = parts.vital("DispatchActor");
    let dispatch = DispatchActor::new(&parts.me(), senders, slots.clone(), over, vital).start();
    let around = WorkflowDeps {
        me: parts.me(),
        clock: parts.clock.clone(),
        store: Arc::clone(&parts.store),
        db: db.clone(),
        dispatch: dispatch.clone(),
        slots: slots.clone(),
        hub: hub.clone(),
        loads: InstanceLoader::new(Arc::clone(&parts.store), parts.me.incarnation),
        renewals,
    };
    context.run(MasterActor::new(
        around,
        vec![workflows],
        parts.vital("MasterActor"),
    ));
    let evens_out = rebalance && parts.ways.is_some();
    let balance = evens_out.then(|| {
        let reach = balance::FailoverDeps {
            me: parts.me.incarnation,
            clock: parts.clock.clone(),
            store: Arc::clone(&parts.store),
            master: supervisor.clone(),
            peers: Arc::clone(&ways.peers),
            slots: slots.clone(),
        };
        BalanceActor::new(reach, parts.vital("BalanceActor")).start()
    });
    let reach = FailoverDeps {
        me: parts.me(),
        clock: parts.clock.clone(),
        store: Arc::clone(&parts.store),
        db: db.clone(),
        master: supervisor.clone(),
        registry: Arc::clone(&parts.registry),
        peers: ways.peers,
        slots,
        condition: parts.condition.clone(),
        closed: Arc::clone(&closed),
    };
    MasterActors {
        closed,
        supervisor,
        dispatch,
        failover: FailoverActor::new(reach, parts.vital("FailoverActor")).start(),
        balance,
    }
}

fn watch_members(parts: &NodeDeps, masters: Option<&MasterActors>) {
    let mut subscribers: Vec<Recipient<Membership>> = Vec::new();
    if let Some(masters) = masters {
        subscribers.push(masters.dispatch.clone().recipient());
        subscribers.push(masters.failover.clone().recipient());
        subscribers.extend(masters.balance.clone().map(Addr::recipient));
    }
    let watched = RegistryDeps {
        me: parts.me.clone(),
        clock: parts.clock.clone(),
        store: Arc::clone(&parts.store),
        registry: Arc::clone(&parts.registry),
        pulse: parts.pulse.clone(),
        peers: parts.peers.clone(),
        condition: parts.condition.clone(),
        subscribers,
    };
    RegistryActor::new(watched, parts.vital("RegistryActor")).start();
}

async fn start_worker(
    parts: &NodeDeps,
    tools: &WorkerResources,
    master: Option<&Addr<MasterActor>>,
) -> Result<WorkerHandle, String> {
    let masters: Arc<dyn MasterLink> = match (&parts.ways, master) {
        (Some(ways), _) => Arc::clone(&ways.masters),
        (None, Some(master)) => Arc::new(InProcess {
            master: master.clone(),
        }),
        (None, None) => return Err("a worker without a master needs a way to other nodes".to_owned()),
    };
    let config = WorkerConfig {
        me: parts.me(),
        slots: tools.slots,
        folders: tools.folders.clone(),
        boot_id: tools.boot_id.clone(),
    };
    let ports = WorkerPorts {
        runner: Arc::clone(&tools.runner),
        journal: Arc::clone(&tools.journal),
        masters,
        peers: parts.peers.clone(),
        clock: parts.clock.clone(),
    };
    let arbiter = Arbiter::new();
    parts.pulse.watch("the worker", &arbiter.handle());
    let (started, handle) = oneshot::channel();
    arbiter.spawn(async move {
        let worker = worker::start(config, ports).await;
        started.send(worker.map_err(|error| error.to_string())).ok();
    });
    handle.await.map_err(|_| "the worker did not start".to_owned())?
}
