//! Starts the actors of a node in the order in which they need each other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix::prelude::*;
use engine::ids::Generation;
use tokio::sync::{Notify, oneshot};

use crate::balance::{self, BalanceActor};
use crate::clock::Clock;
use crate::condition::Condition;
use crate::db::DbActor;
use crate::dispatch::{self, DispatchActor};
use crate::failover::{FailoverActor, Reach};
use crate::hub::Hub;
use crate::links::{InProcess, MasterLink, NoPeers, PeerLink, WorkerLink};
use crate::loads::Loads;
use crate::local::{LocalNode, MasterActors};
use crate::master::MasterActor;
use crate::peers::Peers;
use crate::ports::{Me, Member, Registry, Runner, Store};
use crate::pulse::Pulse;
use crate::registry::{Membership, RegistryActor, RegistryParts};
use crate::renewals::Renewals;
use crate::slots::{Choice, Slots};
use crate::vital::Vital;
use crate::worker::journal::Journal;
use crate::worker::{self, AttemptPaths, WorkerConfig, WorkerHandle, WorkerPorts};
use crate::workflow::Surroundings;

/// Commits kept for slow listeners; a listener that misses more looks at the store.
const HUB: usize = 4096;

/// What the actors of a node reach other nodes through.
#[derive(Clone)]
pub struct Ways {
    /// To workers.
    pub workers: Arc<dyn WorkerLink>,
    /// To masters.
    pub masters: Arc<dyn MasterLink>,
    /// To any node.
    pub peers: Arc<dyn PeerLink>,
}

/// What a node is made of.
#[derive(Clone)]
pub struct Ingredients {
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
    pub ways: Option<Ways>,
    /// Who lives; filled by the actors.
    pub peers: Peers,
    /// What a user sees of troubles.
    pub condition: Condition,
    /// Signs of life of the arbiters.
    pub pulse: Pulse,
    /// Rung when the node is told to drain.
    pub drain_bell: Arc<Notify>,
    /// What the worker is made of; only with that role.
    pub worker: Option<WorkerParts>,
    /// What the master is made of; only with that role.
    pub master: Option<MasterParts>,
    /// Ends the process when an actor dies that it cannot do without.
    pub end_node: Arc<dyn Fn(&'static str) + Send + Sync>,
}

/// What a master is made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct MasterParts {
    /// How it chooses workers.
    pub choice: Choice,
    /// Whether it gives instances to masters that have fewer.
    pub rebalance: bool,
}

/// What a worker is made of.
#[derive(Clone)]
pub struct WorkerParts {
    /// Starts jobs.
    pub runner: Arc<dyn Runner>,
    /// Outlives the process.
    pub journal: Arc<dyn Journal>,
    /// Where the files of attempts are.
    pub paths: AttemptPaths,
    /// The boot of the machine.
    pub boot_id: String,
    /// How many attempts run at the same time.
    pub slots: u32,
}

impl Ingredients {
    /// Returns who this node is.
    pub fn me(&self) -> Me {
        Me {
            incarnation: self.me.incarnation,
            host: self.me.host.clone(),
            name: self.me.name.clone(),
            generation: self.generation,
        }
    }

    /// Without ways to others, nobody else could own anything.
    fn renewals(&self) -> Renewals {
        match self.ways {
            Some(_) => Renewals::among(self.me.incarnation, self.peers.clone()),
            None => Renewals::alone(),
        }
    }

    fn vital(&self, actor: &'static str) -> Vital {
        Vital::new(actor, Arc::clone(&self.end_node))
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
pub async fn start(parts: Ingredients, activation: Activation) -> Result<LocalNode, String> {
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
    parts: Ingredients,
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
    let hub = Hub::with_capacity(HUB);
    let db = DbActor::new(Arc::clone(&parts.store), parts.vital("DbActor")).start();
    let masters = context.and_then(|context| {
        let ways = MasterWays::of(&parts, worker.as_ref())?;
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
struct MasterWays {
    workers: Arc<dyn WorkerLink>,
    peers: Arc<dyn PeerLink>,
}

impl MasterWays {
    /// Without ways to others there is the worker of this node, or nobody to speak to.
    fn of(parts: &Ingredients, worker: Option<&WorkerHandle>) -> Option<Self> {
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
    parts: &Ingredients,
    context: Context<MasterActor>,
    ways: MasterWays,
    (db, hub): (&Addr<DbActor>, &Hub),
    workflows: ArbiterHandle,
) -> MasterActors {
    let supervisor = context.address();
    let MasterParts { choice, rebalance } = parts.master.unwrap_or_default();
    let slots = Slots::choosing(choice);
    let renewals = parts.renewals();
    let closed = Arc::default();
    let senders = dispatch::Ways {
        link: ways.workers,
        store: Arc::clone(&parts.store),
        renewals: renewals.clone(),
    };
    let over = supervisor.clone().recipient();
    let vital = parts.vital("DispatchActor");
    let dispatch = DispatchActor::new(&parts.me(), senders, slots.clone(), over, vital).start();
    let around = Surroundings {
        me: parts.me(),
        clock: parts.clock.clone(),
        store: Arc::clone(&parts.store),
        db: db.clone(),
        dispatch: dispatch.clone(),
        slots: slots.clone(),
        hub: hub.clone(),
        loads: Loads::new(Arc::clone(&parts.store), parts.me.incarnation),
        renewals,
    };
    context.run(MasterActor::new(
        around,
        vec![workflows],
        parts.vital("MasterActor"),
    ));
    let evens_out = rebalance && parts.ways.is_some();
    let balance = evens_out.then(|| {
        let reach = balance::Reach {
            me: parts.me.incarnation,
            clock: parts.clock.clone(),
            store: Arc::clone(&parts.store),
            master: supervisor.clone(),
            peers: Arc::clone(&ways.peers),
            slots: slots.clone(),
        };
        BalanceActor::new(reach, parts.vital("BalanceActor")).start()
    });
    let reach = Reach {
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

fn watch_members(parts: &Ingredients, masters: Option<&MasterActors>) {
    let mut subscribers: Vec<Recipient<Membership>> = Vec::new();
    if let Some(masters) = masters {
        subscribers.push(masters.dispatch.clone().recipient());
        subscribers.push(masters.failover.clone().recipient());
        subscribers.extend(masters.balance.clone().map(Addr::recipient));
    }
    let watched = RegistryParts {
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
    parts: &Ingredients,
    tools: &WorkerParts,
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
        paths: tools.paths.clone(),
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
