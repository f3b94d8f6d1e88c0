//! What every node does once it has joined: start the actors, serve, drain.

use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{self, ExitCode};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::dev::{Server, ServerHandle};
use actors::bootstrap;
use actors::bootstrap::{Activation, NodeDeps, WorkerResources};
use actors::exit_on_panic::ExitOnPanic;
use actors::local::LocalNode;
use actors::membership::health::{DRAINING, HealthStatus};
use actors::membership::heartbeat::{HeartbeatConfig, HeartbeatThread};
use actors::membership::liveness::LivenessMonitor;
use actors::membership::peers::Peers;
use actors::node::Node;
use actors::ownership::failover_actor::FailoverActor;
use actors::ports::{Registry, Store};
use actors::rpc::client::RpcClient;
use actors::rpc::in_process::InProcess;
use actors::rpc::transport::Transport;
use actors::worker::AttemptPaths;
use engine::states::MemberState;
use tokio::sync::{Notify, oneshot, watch};

use super::membership::{self, Life, Signs};
use super::stop::Signals;
use super::{StartupError, door, flapping, other, stop};
use crate::config::{Config, Role};
use crate::telemetry::install_metrics;
use actors::ports::LogSource;
use api::{ApiState, Threads};
use rpc::{self, Key, PauseDetector};
use runner::disk::watch_disk;
use runner::disk_guard::DiskGuard;
use runner::journal_file::JournalFile;
use runner::limits::RunnerLimits;
use runner::process::boot_id;
use runner::runners::runners;
use store::catalog::Catalog;

const HOUR: Duration = Duration::from_secs(3600);

/// A registry that does not show this node within this time is not waited for: the node works without.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// How often is looked whether the registry shows this node.
const LOOK: Duration = Duration::from_millis(50);

/// The exit code after the death of an actor that the node cannot do without.
const BROKEN: i32 = 70;

/// What a node has when it has joined.
pub(super) struct Equipment {
    pub(super) config: Config,
    pub(super) life: Life,
    pub(super) store: Arc<dyn Store>,
    pub(super) catalog: Catalog,
    pub(super) registry: Arc<dyn Registry>,
    pub(super) logs: Arc<dyn LogSource>,
    pub(super) condition: HealthStatus,
    /// The ways to other nodes; none in a standalone process.
    pub(super) network: Option<Network>,
    /// Where the API listens; none without that role.
    pub(super) api: Option<(TcpListener, SocketAddr)>,
}

/// The ways to other nodes.
pub(super) struct Network {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) rpc: RpcClient,
    /// Answers the calls to this node.
    pub(super) local: InProcess,
    pub(super) peers: Peers,
    pub(super) pause_detector: PauseDetector,
    /// Hears of refused connections, once it runs.
    pub(super) failover: Arc<OnceLock<Addr<FailoverActor>>>,
    pub(super) drain_bell: Arc<Notify>,
    pub(super) key: Key,
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
}

/// A port that is served.
struct Port {
    server: ServerHandle,
    address: SocketAddr,
}

/// The port that users have.
struct Api {
    port: Port,
    threads: Threads,
    /// The same socket that the server listens on.
    door: TcpListener,
}

/// Runs a node that has joined until it is told to stop.
pub(super) async fn run(equipment: Equipment, mut signals: Signals) -> Result<ExitCode, StartupError> {
    let rpc = equipment.serve_others()?;
    let (node, heart) = tokio::select! {
        started = equipment.start_actors() => started?,
        signal = signals.heard() => {
            tracing::info!("{signal} before this node was active: it leaves");
            equipment.leave().await;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let (close, closing) = watch::channel(false);
    let api = equipment.serve_users(&node, closing)?;
    let Equipment {
        config,
        life,
        registry,
        condition,
        ..
    } = equipment;
    say_ready(
        &config,
        &life,
        api.as_ref().map(|api| api.port.address),
        rpc.as_ref().map(|port| port.address),
    );
    stop::told(&node, signals).await;
    let draining = "The node is draining.".to_owned();
    condition.set_issue(DRAINING, Some(draining), node.clock().now());
    let deadline = Instant::now() + config.server.drain_timeout;
    stop::drain(&node, deadline).await;
    heart.stop();
    stop::say_goodbye(&*registry, life.me.incarnation, deadline).await;
    close.send(true).ok();
    if let Some(api) = api {
        door::close(&api.door, &api.port.server, &api.threads, deadline).await;
    }
    if let Some(rpc) = rpc {
        rpc.server.stop(false).await;
    }
    Ok(ExitCode::SUCCESS)
}

impl Equipment {
    /// Answers other nodes, from before the actors run: until then it says that the roles are not here.
    fn serve_others(&self) -> Result<Option<Port>, StartupError> {
        let Some(network) = &self.network else {
            return Ok(None);
        };
        let served = network.served(self.life.me.incarnation);
        let listener = network.listener.try_clone().map_err(other)?;
        let server = rpc::serve(served, listener).map_err(other)?;
        Ok(Some(spawned(server, network.address)))
    }

    /// Ends a life that has nothing to hand over.
    async fn leave(&self) {
        let me = self.life.me.incarnation;
        let deadline = Instant::now() + LEAVES_WITHIN;
        let left = self.store.set_member_state(me, MemberState::Left);
        tokio::time::timeout(LEAVES_WITHIN, left).await.ok();
        stop::say_goodbye(self.registry.as_ref(), me, deadline).await;
    }

    /// Begins the beats, and starts the actors once this life is an active member.
    async fn start_actors(&self) -> Result<(Arc<LocalNode>, HeartbeatThread), StartupError> {
        let (life, pulse) = (&self.life, LivenessMonitor::default());
        let drain_bell = self
            .network
            .as_ref()
            .map(|network| Arc::clone(&network.drain_bell));
        let drain_bell = drain_bell.unwrap_or_default();
        let worker = Arc::new(OnceLock::new());
        let signs = Signs {
            pulse: pulse.clone(),
            drain_bell: Arc::clone(&drain_bell),
            condition: self.condition.clone(),
            pause_detector: self.start_pause_detector(),
            worker: Arc::clone(&worker),
        };
        let store = Arc::clone(&self.store);
        actix_rt::spawn(membership::beat(
            store,
            life.me.incarnation,
            life.clock.clone(),
            signs,
        ));
        let folder = self.config.server.data.clone();
        actix_rt::spawn(watch_disk(folder, self.condition.clone(), life.clock.clone()));
        let parts = self.ingredients(pulse.clone(), drain_bell)?;
        let (beating, heart) = oneshot::channel();
        let heart_parts = HeartbeatConfig {
            this_node: life.member.clone(),
            registry: Arc::clone(&self.registry),
            liveness: pulse,
            health: self.condition.clone(),
            clock: life.clock.clone(),
            exit_on_panic: ExitOnPanic::new("heartbeat", Arc::clone(&parts.terminate_node)),
        };
        let activation = activation(Arc::clone(&self.store), heart_parts, beating, life.on_probation);
        let node = bootstrap::start(parts, activation)
            .await
            .map_err(StartupError::Other)?;
        if let Some(handle) = &node.worker {
            worker.set(handle.clone()).ok();
        }
        watch_other_nodes(&node, self.network.as_ref());
        Ok((Arc::new(node), heart.await.map_err(other)?))
    }

    /// Only calls between nodes wait after a pause; a standalone process is alone on its data.
    fn start_pause_detector(&self) -> PauseDetector {
        let Some(network) = &self.network else {
            return PauseDetector::default();
        };
        actix_rt::spawn(network.pause_detector.clone().run());
        network.pause_detector.clone()
    }

    /// Answers users, on a node with that role.
    fn serve_users(
        &self,
        node: &Arc<LocalNode>,
        closing: watch::Receiver<bool>,
    ) -> Result<Option<Api>, StartupError> {
        let Some((listener, address)) = &self.api else {
            return Ok(None);
        };
        actix_rt::spawn(forget_old(self.catalog.clone(), node.clock()));
        let state = ApiState {
            node: Arc::clone(node) as Arc<dyn Node>,
            catalog: self.catalog.clone(),
            logs: Arc::clone(&self.logs),
            metrics: install_metrics(),
            mode: self.config.mode,
            rates: self.config.rates,
            session_lifetime: self.config.auth.session_lifetime,
            version: env!("CARGO_PKG_VERSION"),
            closing,
        };
        let same = || listener.try_clone().map_err(other);
        let (server, threads) = api::serve(state, same()?).map_err(other)?;
        Ok(Some(Api {
            port: spawned(server, *address),
            threads,
            door: same()?,
        }))
    }

    fn ingredients(&self, pulse: LivenessMonitor, drain_bell: Arc<Notify>) -> Result<NodeDeps, StartupError> {
        let (config, network) = (&self.config, self.network.as_ref());
        let worker = config
            .has(Role::Worker)
            .then(|| worker_parts(config))
            .transpose()?;
        // Logs of a standalone node are files of its own, as those that a node serves to others are.
        let local = network.map_or_else(
            || {
                InProcess::new(
                    self.life.me.clone(),
                    Arc::clone(&self.logs),
                    Arc::clone(&drain_bell),
                )
            },
            |network| network.local.clone(),
        );
        Ok(NodeDeps {
            this_node: self.life.member.clone(),
            generation: self.life.me.generation,
            clock: self.life.clock.clone(),
            store: Arc::clone(&self.store),
            registry: Arc::clone(&self.registry),
            local,
            transport: network.map(|network| Arc::clone(&network.transport)),
            peers: network.map(|network| network.peers.clone()).unwrap_or_default(),
            health: self.condition.clone(),
            liveness: pulse,
            drain_signal: drain_bell,
            worker,
            master: config.has(Role::Master).then_some(config.master),
            terminate_node: Arc::new(|actor| {
                tracing::error!(
                    actor,
                    "an actor died that the node cannot do without; the node ends"
                );
                process::exit(BROKEN);
            }),
        })
    }
}

fn spawned(server: Server, address: SocketAddr) -> Port {
    let handle = server.handle();
    actix_rt::spawn(server);
    Port {
        server: handle,
        address,
    }
}

/// A life that has nothing to hand over leaves within this time.
const LEAVES_WITHIN: Duration = Duration::from_millis(500);

/// Passes hints of broken calls to the master of this node, and watches other nodes for it.
fn watch_other_nodes(node: &LocalNode, network: Option<&Network>) {
    let (Some(network), Some(masters)) = (network, &node.masters) else {
        return;
    };
    network.failover.set(masters.failover.clone()).ok();
    let this_node = node.this_node.incarnation;
    actix_rt::spawn(rpc::watch_peers(
        this_node,
        network.peers.clone(),
        network.rpc.clone(),
    ));
}

/// Registers this life, begins its heartbeat, waits until the registry shows it, and makes it active.
fn activation(
    store: Arc<dyn Store>,
    heart: HeartbeatConfig,
    beating: oneshot::Sender<HeartbeatThread>,
    on_probation: bool,
) -> Activation {
    Box::pin(async move {
        let (registry, me) = (Arc::clone(&heart.registry), heart.this_node.clone());
        if let Err(error) = registry.register(&me).await {
            tracing::warn!(%error, "not registered yet; the node starts all the same and goes on trying");
        }
        let heart = HeartbeatThread::start(heart)
            .map_err(|error| format!("the heartbeat does not start: {error}"))?;
        beating.send(heart).ok();
        let until = Instant::now() + SHOWN_WITHIN;
        while Instant::now() < until {
            match registry.watch(0, Duration::ZERO).await {
                Ok(view) if view.present.contains(&me.incarnation) => break,
                _ => tokio::time::sleep(LOOK).await,
            }
        }
        if on_probation {
            let stood_by = flapping::stand_by(store.as_ref(), &me).await;
            stood_by.map_err(|error| error.to_string())?;
        }
        let active = store.set_member_state(me.incarnation, MemberState::Active).await;
        active.map_err(|error| error.to_string())
    })
}

fn worker_parts(config: &Config) -> Result<WorkerResources, StartupError> {
    let limits = RunnerLimits {
        log_bytes: config.worker.log_limit,
        ..RunnerLimits::default()
    };
    Ok(WorkerResources {
        runner: Arc::new(DiskGuard::new(
            runners(limits).map_err(StartupError::Other)?,
            &config.server.data,
        )),
        journal: Arc::new(JournalFile::in_data(&config.server.data)),
        paths: AttemptPaths::in_data(&config.server.data),
        boot_id: boot_id(),
        slots: config.worker.slots,
    })
}

/// Every hour, drops request keys and tokens whose time is over.
async fn forget_old(catalog: Catalog, clock: actors::clock::Clock) {
    let mut ticks = tokio::time::interval(HOUR);
    loop {
        ticks.tick().await;
        if let Err(error) = catalog.forget_old(clock.now()).await {
            tracing::warn!(%error, "old request keys and tokens were not dropped");
        }
    }
}

/// Prints the one line that says where the node serves.
fn say_ready(config: &Config, life: &Life, api: Option<SocketAddr>, rpc: Option<SocketAddr>) {
    let url = api.map(|address| format!("http://{address}"));
    let rpc = rpc.map(|address| address.to_string());
    let roles = life.member.roles.join(",");
    let incarnation = life.me.incarnation;
    let mut out = std::io::stdout().lock();
    let line = if out.is_terminal() {
        let part = |name: &str, value: &Option<String>| {
            value
                .as_ref()
                .map_or_else(String::new, |value| format!(" {name}={value}"))
        };
        format!(
            "porpoise ready{}{} incarnation={incarnation} roles={roles}",
            part("url", &url),
            part("rpc", &rpc)
        )
    } else {
        serde_json::json!({
            "msg": "porpoise ready", "url": url, "rpc": rpc,
            "incarnation": incarnation.to_string(), "roles": roles,
        })
        .to_string()
    };
    tracing::debug!(data = %config.server.data.display(), "serving");
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}
