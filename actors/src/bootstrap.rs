//! Starts the actors of a node in the order in which they need each other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::execution::child_requests::ChildRequests;
use crate::execution::db_actor::DbActor;
use crate::execution::dependency_actor::{DependencyActor, DependencyDeps};
use crate::execution::dependency_requests::DependencyRequests;
use crate::execution::dispatch_actor::DispatchActor;
use crate::execution::dispatch_deps::DispatchDeps;
use crate::execution::instance_loader::InstanceLoader;
use crate::execution::instance_notices::{InstanceNotices, NoticeDeps};
use crate::execution::lease_grants::LeaseGrants;
use crate::execution::limit_actor::{LimitActor, LimitDeps};
use crate::execution::slots::Slots;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::local::LocalNode;
use crate::local::node_actors::{MasterActors, NodeActors};
use crate::membership::registry_actor::{RegistryActor, RegistryDeps};
use crate::messages::membership::Membership;
use crate::node_deps::{MasterConfig, NodeDeps, WorkerResources};
use crate::ownership::balance_actor::{BalanceActor, BalanceDeps};
use crate::ownership::failover_actor::FailoverActor;
use crate::ownership::failover_deps::FailoverDeps;
use crate::ownership::master_actor::MasterActor;
use crate::scheduling::admission_actor::AdmissionActor;
use crate::scheduling::admission_deps::AdmissionDeps;
use crate::scheduling::backfill_actor::BackfillActor;
use crate::scheduling::backfill_deps::BackfillDeps;
use crate::scheduling::schedule_actor::ScheduleActor;
use crate::scheduling::schedule_deps::{ScheduleDeps, ScheduleSettings};
use crate::worker::{self, WorkerConfig, WorkerHandle, WorkerPorts};
use ports::commit_events::CommitBroadcast;
use ports::rpc::client::RpcClient;

/// The number of commits that are kept for slow listeners; a listener that misses more reads the store.
const COMMIT_EVENTS: usize = 4096;

/// Makes this incarnation an active member; run when its worker has killed what earlier incarnations left running.
pub type Activation = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Starts the actors of a node, and returns the facade over them.
///
/// First the worker: it has ended what earlier incarnations left running before any call can reach it. Then `activation`
/// makes the member active, since only an active one may claim. Then the rest. The actors share one arbiter, so that the
/// path from an event to the writer crosses no thread; the worker has its own, because it waits for the kernel.
///
/// # Errors
/// With a readable reason, when the journal of the worker cannot be read, or the member does not become active.
pub async fn start(deps: NodeDeps, activation: Activation) -> Result<LocalNode, String> {
    let actor_arbiter = Arbiter::new();
    let workflows = actor_arbiter.handle();
    deps.liveness.watch_arbiter("the actors of the node", &workflows);
    let (mut started, node) = oneshot::channel();
    actor_arbiter.spawn_fn(move || {
        actix_rt::spawn(async move {
            tokio::select! {
                node = start_actors(deps, activation, workflows) => {
                    started.send(node).ok();
                }
                // The caller gave up, and the node leaves: it may not register any more.
                () = started.closed() => {}
            }
        });
    });
    node.await
        .map_err(|_| "the actors of the node did not start".to_owned())?
}

/// Runs on the arbiter of the actors.
async fn start_actors(
    deps: NodeDeps,
    activation: Activation,
    workflows: ArbiterHandle,
) -> Result<LocalNode, String> {
    let context = deps.master.map(|_| Context::<MasterActor>::new());
    let master = context.as_ref().map(AsyncContext::address);
    if deps.transport.is_none()
        && let Some(master) = &master
    {
        // The worker of a standalone node may have results of earlier incarnations to report.
        deps.local.set_master(master.clone());
    }
    let worker = match &deps.worker {
        Some(resources) => Some(start_worker(&deps, resources).await?),
        None => None,
    };
    activation.await?;
    let commit_events = CommitBroadcast::with_capacity(COMMIT_EVENTS);
    let exit_on_panic = deps.exit_on_panic("DbActor");
    let db = DbActor::new(Arc::clone(&deps.store), exit_on_panic).start();
    let masters = context.map(|context| {
        let starter = MasterStarter {
            deps: &deps,
            rpc: deps.rpc(),
            db: &db,
            commit_events: &commit_events,
        };
        starter.start(context, workflows)
    });
    if let Some(worker) = &worker {
        deps.local.set_worker(worker.clone());
    }
    if let Some(masters) = &masters {
        deps.local.set_master(masters.supervisor.clone());
    }
    let registry = start_registry(&deps, masters.as_ref());
    let actors = NodeActors {
        db,
        registry,
        masters,
        worker,
    };
    Ok(LocalNode::new(deps, actors, commit_events))
}

/// What the actors of a master are started with.
struct MasterStarter<'a> {
    deps: &'a NodeDeps,
    rpc: RpcClient,
    db: &'a Addr<DbActor>,
    commit_events: &'a CommitBroadcast,
}

impl MasterStarter<'_> {
    fn dispatch_deps(
        &self,
        leases: &LeaseGrants,
        slots: &Slots,
        supervisor: &Addr<MasterActor>,
    ) -> DispatchDeps {
        DispatchDeps {
            rpc: self.rpc.clone(),
            store: Arc::clone(&self.deps.store) as _,
            secrets: Arc::clone(&self.deps.store) as _,
            leases: leases.clone(),
            slots: slots.clone(),
            deaths: supervisor.clone().recipient(),
            connections: Arc::clone(&self.deps.connections),
            clock: self.deps.clock.clone(),
        }
    }

    fn start(self, context: Context<MasterActor>, workflows: ArbiterHandle) -> MasterActors {
        let deps = self.deps;
        let supervisor = context.address();
        let MasterConfig {
            selection,
            rebalance,
            schedules,
        } = deps.master.unwrap_or_default();
        let slots = Slots::with_selection(selection);
        let leases = deps.lease_grants();
        let not_accepting: Arc<AtomicBool> = Arc::default();
        let dispatch_deps = self.dispatch_deps(&leases, &slots, &supervisor);
        let exit_on_panic = deps.exit_on_panic("DispatchActor");
        let dispatch = DispatchActor::new(&deps.identity(), dispatch_deps, exit_on_panic).start();
        let limit_deps = LimitDeps {
            this_node: deps.this_node.incarnation,
            store: Arc::clone(&deps.store) as _,
            rpc: self.rpc.clone(),
            slots: slots.clone(),
        };
        let (limits, limit_board) =
            LimitActor::start_with_board(limit_deps, deps.exit_on_panic("LimitActor"));
        let notices = self.start_notices(&supervisor);
        let workflow_deps = WorkflowDeps {
            this_node: deps.identity(),
            clock: deps.clock.clone(),
            store: Arc::clone(&deps.store),
            db: self.db.clone(),
            dispatch: dispatch.clone(),
            slots: slots.clone(),
            limits: limit_board,
            commit_events: self.commit_events.clone(),
            loader: InstanceLoader::new(Arc::clone(&deps.store) as _, deps.this_node.incarnation),
            leases,
            children: ChildRequests::new(Arc::clone(&deps.store)),
            dependencies: DependencyRequests::new(Arc::clone(&deps.store)),
            notices: notices.clone(),
        };
        let exit_on_panic = deps.exit_on_panic("MasterActor");
        context.run(MasterActor::new(workflow_deps, vec![workflows], exit_on_panic));
        let rebalances = rebalance && deps.transport.is_some();
        MasterActors {
            not_accepting: Arc::clone(&not_accepting),
            schedules: self.start_schedules(&supervisor, Arc::clone(&not_accepting), schedules),
            balance: rebalances.then(|| self.start_balance(&supervisor, &slots)),
            backfill: self.start_backfill(&supervisor, &not_accepting),
            dependencies: self.start_dependencies(notices),
            admission: self.start_admission(&supervisor, &not_accepting),
            failover: self.start_failover(&supervisor, slots, not_accepting),
            supervisor,
            dispatch,
            limits,
        }
    }

    fn start_schedules(
        &self,
        master: &Addr<MasterActor>,
        not_accepting: Arc<AtomicBool>,
        settings: ScheduleSettings,
    ) -> Addr<ScheduleActor> {
        let deps = ScheduleDeps {
            this_node: self.deps.identity(),
            clock: self.deps.clock.clone(),
            store: Arc::clone(&self.deps.store),
            master: master.clone(),
            peers: self.deps.peers.clone(),
            not_accepting,
            settings,
        };
        ScheduleActor::new(deps, self.deps.exit_on_panic("ScheduleActor")).start()
    }

    fn start_notices(&self, master: &Addr<MasterActor>) -> InstanceNotices {
        let deps = NoticeDeps {
            this_node: self.deps.this_node.incarnation,
            store: Arc::clone(&self.deps.store) as _,
            rpc: self.rpc.clone(),
            run: master.clone().recipient(),
            inboxes: master.clone().recipient(),
            looks: master.clone().recipient(),
        };
        InstanceNotices::start(deps, self.deps.generation)
    }

    fn start_dependencies(&self, notices: InstanceNotices) -> Addr<DependencyActor> {
        let deps = DependencyDeps {
            this_node: self.deps.this_node.incarnation,
            store: Arc::clone(&self.deps.store) as _,
            notices,
            commit_events: self.commit_events.clone(),
            clock: self.deps.clock.clone(),
        };
        DependencyActor::new(deps, self.deps.exit_on_panic("DependencyActor")).start()
    }

    fn start_balance(&self, master: &Addr<MasterActor>, slots: &Slots) -> Addr<BalanceActor> {
        let deps = BalanceDeps {
            this_node: self.deps.this_node.incarnation,
            clock: self.deps.clock.clone(),
            store: Arc::clone(&self.deps.store) as _,
            master: master.clone(),
            rpc: self.rpc.clone(),
            slots: slots.clone(),
        };
        BalanceActor::new(deps, self.deps.exit_on_panic("BalanceActor")).start()
    }

    fn start_backfill(
        &self,
        master: &Addr<MasterActor>,
        not_accepting: &Arc<AtomicBool>,
    ) -> Addr<BackfillActor> {
        let deps = BackfillDeps {
            this_node: self.deps.identity(),
            clock: self.deps.clock.clone(),
            store: Arc::clone(&self.deps.store),
            db: self.db.clone(),
            master: master.clone(),
            commit_events: self.commit_events.clone(),
            not_accepting: Arc::clone(not_accepting),
        };
        BackfillActor::new(deps, self.deps.exit_on_panic("BackfillActor")).start()
    }

    fn start_admission(
        &self,
        master: &Addr<MasterActor>,
        not_accepting: &Arc<AtomicBool>,
    ) -> Addr<AdmissionActor> {
        let deps = AdmissionDeps {
            this_node: self.deps.identity(),
            clock: self.deps.clock.clone(),
            store: Arc::clone(&self.deps.store),
            master: master.clone(),
            rpc: self.rpc.clone(),
            commit_events: self.commit_events.clone(),
            not_accepting: Arc::clone(not_accepting),
        };
        AdmissionActor::new(deps, self.deps.exit_on_panic("AdmissionActor")).start()
    }

    fn start_failover(
        &self,
        master: &Addr<MasterActor>,
        slots: Slots,
        not_accepting: Arc<AtomicBool>,
    ) -> Addr<FailoverActor> {
        let deps = FailoverDeps {
            this_node: self.deps.identity(),
            clock: self.deps.clock.clone(),
            store: Arc::clone(&self.deps.store) as _,
            db: self.db.clone(),
            master: master.clone(),
            registry: Arc::clone(&self.deps.registry),
            rpc: self.rpc.clone(),
            slots,
            health: self.deps.health.clone(),
            not_accepting,
        };
        FailoverActor::new(deps, self.deps.exit_on_panic("FailoverActor")).start()
    }
}

fn start_registry(deps: &NodeDeps, masters: Option<&MasterActors>) -> Addr<RegistryActor> {
    let mut subscribers: Vec<Recipient<Membership>> = Vec::new();
    if let Some(masters) = masters {
        subscribers.push(masters.dispatch.clone().recipient());
        subscribers.push(masters.failover.clone().recipient());
        subscribers.extend(masters.balance.clone().map(Addr::recipient));
    }
    let registry_deps = RegistryDeps {
        this_node: deps.this_node.clone(),
        clock: deps.clock.clone(),
        store: Arc::clone(&deps.store) as _,
        registry: Arc::clone(&deps.registry),
        liveness: deps.liveness.clone(),
        peers: deps.peers.clone(),
        health: deps.health.clone(),
        subscribers,
    };
    RegistryActor::new(registry_deps, deps.exit_on_panic("RegistryActor")).start()
}

async fn start_worker(deps: &NodeDeps, resources: &WorkerResources) -> Result<WorkerHandle, String> {
    let config = WorkerConfig {
        me: deps.identity(),
        slots: resources.slots,
        paths: resources.paths.clone(),
        boot_id: resources.boot_id.clone(),
    };
    let ports = WorkerPorts {
        runner: Arc::clone(&resources.runner),
        logs: Arc::clone(&resources.logs),
        journal: Arc::clone(&resources.journal),
        masters: deps.rpc(),
        peers: deps.peers.clone(),
        clock: deps.clock.clone(),
        connections: Arc::clone(&resources.connections),
    };
    let arbiter = Arbiter::new();
    deps.liveness.watch_arbiter("the worker", &arbiter.handle());
    let (started, handle) = oneshot::channel();
    arbiter.spawn(async move {
        let worker = worker::start(config, ports).await;
        started.send(worker.map_err(|error| error.to_string())).ok();
    });
    handle.await.map_err(|_| "the worker did not start".to_owned())?
}
