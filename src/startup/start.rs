//! Starts the actors of a node that has joined.

use std::net::{SocketAddr, TcpListener};
use std::process;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actors::bootstrap::{self, Activation};
use actors::exit_on_panic::ExitOnPanic;
use actors::in_process::InProcess;
use actors::local::LocalNode;
use actors::membership::heartbeat::{HeartbeatConfig, HeartbeatThread};
use actors::membership::liveness::LivenessMonitor;
use actors::node_deps::{NodeDeps, WorkerResources};
use catalog::Catalog;
use connectors::{SqliteFolders, TestLimits, WorkerConnectionTester};
use engine::states::MemberState;
use ports::health::HealthStatus;
use ports::paths::AttemptPaths;
use ports::{LogSource, Registry, RetentionStore, Store};
use rpc::PauseDetector;
use runner::disk::watch_disk;
use runner::disk_guard::DiskGuard;
use runner::journal_file::JournalFile;
use runner::limits::{LogLimits, RunnerLimits};
use runner::log_files::LogFiles;
use runner::process::boot_id;
use runner::runners::runners;
use runner::secret_runner::SecretRunner;
use tokio::sync::{Notify, oneshot};

use super::bulk_operations::{BulkDeps, carry_out_bulk_operations};
use super::incarnation::{self, HeartbeatEffects, JoinDelay, ThisIncarnation};
use super::log_removal::remove_logs_of_deleted_instances;
use super::network::Network;
use super::retention::{RetentionDeps, delete_expired_rows};
use super::secret_rotation::{RotationDeps, carry_out_rotations};
use super::{StartupError, restart_backoff, startup_error};
use crate::config::{Config, Role};

/// Time that a node waits until the registry shows it; after it the node works without.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause between two polls of the registry for this node.
const REGISTRY_POLL: Duration = Duration::from_millis(50);

/// Exit code after the death of an actor that the node needs.
const ESSENTIAL_ACTOR_DIED: i32 = 70;

/// What a node that has joined runs on.
pub(super) struct NodeResources {
    pub(super) config: Config,
    pub(super) incarnation: ThisIncarnation,
    pub(super) store: Arc<dyn Store>,
    pub(super) catalog: Catalog,
    /// The deletions of what ended long ago.
    pub(super) retention: Arc<dyn RetentionStore>,
    /// Notified when a deletion is requested.
    pub(super) retention_requests: Arc<Notify>,
    /// Notified when an operation on many instances is requested.
    pub(super) bulk_requests: Arc<Notify>,
    /// Notified when secret values are to be encrypted again.
    pub(super) rotation_requests: Arc<Notify>,
    pub(super) registry: Arc<dyn Registry>,
    /// Where the API reads logs: of this node or of every node.
    pub(super) logs: Arc<dyn LogSource>,
    /// The logs of this node.
    pub(super) own_logs: LogFiles,
    pub(super) health: HealthStatus,
    /// The connections to other nodes; none in a standalone process.
    pub(super) network: Option<Network>,
    /// Where the API listens; none without that role.
    pub(super) api: Option<(TcpListener, SocketAddr)>,
}

impl NodeResources {
    /// Starts the heartbeats, and the actors once this incarnation is an active member.
    ///
    /// # Errors
    /// When the heartbeat or an actor does not start, or the database cannot record the new state.
    pub(super) async fn start_actors(&self) -> Result<(Arc<LocalNode>, HeartbeatThread), StartupError> {
        let (this, liveness) = (&self.incarnation, LivenessMonitor::default());
        let drain_signal = self.network.as_ref().map(Network::drain_signal);
        let drain_signal = drain_signal.unwrap_or_default();
        let worker = Arc::new(OnceLock::new());
        let effects = HeartbeatEffects {
            liveness: liveness.clone(),
            drain_signal: Arc::clone(&drain_signal),
            health: self.health.clone(),
            pause_detector: self.start_pause_detector(),
            worker: Arc::clone(&worker),
        };
        let store = Arc::clone(&self.store);
        actix_rt::spawn(incarnation::run_db_heartbeat(
            store,
            this.identity.incarnation,
            this.clock.clone(),
            effects,
        ));
        let folder = self.config.server.data.clone();
        actix_rt::spawn(watch_disk(folder, self.health.clone(), this.clock.clone()));
        if self.config.has(Role::Worker) {
            let (name, logs) = (this.identity.name.clone(), self.own_logs.clone());
            actix_rt::spawn(remove_logs_of_deleted_instances(name, self.catalog.clone(), logs));
        }
        if self.config.has(Role::Master) {
            actix_rt::spawn(delete_expired_rows(self.retention_deps()));
        }
        let deps = self.node_deps(liveness.clone(), drain_signal)?;
        let (started, heartbeat) = oneshot::channel();
        let heartbeat_config = HeartbeatConfig {
            this_node: this.member.clone(),
            registry: Arc::clone(&self.registry),
            liveness,
            health: self.health.clone(),
            clock: this.clock.clone(),
            exit_on_panic: ExitOnPanic::new("heartbeat", Arc::clone(&deps.terminate_node)),
        };
        let activation = activation(
            Arc::clone(&self.store),
            heartbeat_config,
            started,
            this.join_delay,
        );
        let node = bootstrap::start(deps, activation)
            .await
            .map_err(StartupError::Other)?;
        if let Some(handle) = node.worker() {
            worker.set(handle.clone()).ok();
        }
        if let (Some(network), Some(failover)) = (&self.network, node.failover()) {
            network.watch_peers(failover.clone());
        }
        let node = Arc::new(node);
        if self.config.has(Role::Master) || self.config.has(Role::Api) {
            actix_rt::spawn(carry_out_bulk_operations(self.bulk_deps(Arc::clone(&node))));
            actix_rt::spawn(carry_out_rotations(self.rotation_deps()));
        }
        Ok((node, heartbeat.await.map_err(startup_error)?))
    }

    fn bulk_deps(&self, node: Arc<LocalNode>) -> BulkDeps {
        BulkDeps {
            this_node: self.incarnation.identity.incarnation,
            clock: self.incarnation.clock.clone(),
            catalog: self.catalog.clone(),
            node,
            requests: Arc::clone(&self.bulk_requests),
        }
    }

    fn rotation_deps(&self) -> RotationDeps {
        RotationDeps {
            this_node: self.incarnation.identity.incarnation,
            clock: self.incarnation.clock.clone(),
            catalog: self.catalog.clone(),
            requests: Arc::clone(&self.rotation_requests),
        }
    }

    fn retention_deps(&self) -> RetentionDeps {
        RetentionDeps {
            this_node: self.incarnation.identity.incarnation,
            clock: self.incarnation.clock.clone(),
            store: Arc::clone(&self.retention),
            limits: self.config.retention,
            requests: Arc::clone(&self.retention_requests),
        }
    }

    /// A standalone process has its data to itself, and may start attempts after any pause.
    fn start_pause_detector(&self) -> PauseDetector {
        let network = self.network.as_ref();
        network.map(Network::start_pause_detector).unwrap_or_default()
    }

    fn node_deps(
        &self,
        liveness: LivenessMonitor,
        drain_signal: Arc<Notify>,
    ) -> Result<NodeDeps, StartupError> {
        let (config, network) = (&self.config, self.network.as_ref());
        let worker = config
            .has(Role::Worker)
            .then(|| worker_resources(config, &self.own_logs))
            .transpose()?;
        let identity = &self.incarnation.identity;
        // The logs of a standalone node are its own files, as are those that a node of a cluster serves to others.
        let local = network.map_or_else(
            || {
                InProcess::new(
                    identity.clone(),
                    Arc::clone(&self.logs),
                    Arc::clone(&drain_signal),
                )
            },
            Network::local,
        );
        Ok(NodeDeps {
            this_node: self.incarnation.member.clone(),
            generation: identity.generation,
            clock: self.incarnation.clock.clone(),
            store: Arc::clone(&self.store),
            registry: Arc::clone(&self.registry),
            local,
            transport: network.map(Network::transport),
            peers: network.map(Network::peers).unwrap_or_default(),
            health: self.health.clone(),
            liveness,
            drain_signal,
            worker,
            master: config.has(Role::Master).then_some(config.master),
            connections: Arc::new(self.catalog.clone()),
            terminate_node: Arc::new(|actor| {
                tracing::error!(actor, "an actor died that the node needs; the node ends");
                process::exit(ESSENTIAL_ACTOR_DIED);
            }),
        })
    }
}

/// Registers this incarnation, begins its heartbeat, waits until the registry shows it, and makes it active.
fn activation(
    store: Arc<dyn Store>,
    heartbeat: HeartbeatConfig,
    started: oneshot::Sender<HeartbeatThread>,
    join_delay: JoinDelay,
) -> Activation {
    Box::pin(async move {
        let (registry, this_node) = (Arc::clone(&heartbeat.registry), heartbeat.this_node.clone());
        if let Err(error) = registry.register(&this_node).await {
            tracing::warn!(%error, "not registered yet; the node starts and keeps trying");
        }
        let thread = HeartbeatThread::start(heartbeat)
            .map_err(|error| format!("the heartbeat does not start: {error}"))?;
        started.send(thread).ok();
        let until = Instant::now() + REGISTRY_TIMEOUT;
        while Instant::now() < until {
            match registry.watch(0, Duration::ZERO).await {
                Ok(view) if view.present.contains(&this_node.incarnation) => break,
                _ => tokio::time::sleep(REGISTRY_POLL).await,
            }
        }
        if join_delay == JoinDelay::Probation {
            let stayed = restart_backoff::stay_joining(store.as_ref(), &this_node).await;
            stayed.map_err(|error| error.to_string())?;
        }
        let active = store
            .set_member_state(this_node.incarnation, MemberState::Active)
            .await;
        active.map_err(|error| error.to_string())
    })
}

fn worker_resources(config: &Config, logs: &LogFiles) -> Result<WorkerResources, StartupError> {
    let limits = RunnerLimits {
        log: LogLimits {
            bytes: config.worker.log_limit,
            min_free_disk: config.worker.min_free_disk,
        },
        ..RunnerLimits::default()
    };
    Ok(WorkerResources {
        runner: Arc::new(SecretRunner::new(Arc::new(DiskGuard::new(
            runners(limits, logs).map_err(StartupError::Other)?,
            &config.server.data,
        )))),
        logs: Arc::new(logs.clone()),
        journal: Arc::new(JournalFile::in_data(&config.server.data)),
        paths: AttemptPaths::in_data(&config.server.data),
        boot_id: boot_id(),
        slots: config.worker.slots,
        connections: Arc::new(WorkerConnectionTester::new(TestLimits {
            http_egress: limits.egress,
            sqlite_folders: SqliteFolders::new(config.worker.sqlite_dirs.clone()),
        })),
    })
}
