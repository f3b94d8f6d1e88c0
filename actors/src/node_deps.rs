//! What the actors of a node are started with.

use std::sync::Arc;

use engine::ids::Generation;
use tokio::sync::Notify;

use crate::execution::lease_grants::LeaseGrants;
use crate::execution::worker_selection::WorkerSelection;
use crate::exit_on_panic::{ExitOnPanic, TerminateNode};
use crate::in_process::InProcess;
use crate::membership::liveness::LivenessMonitor;
use crate::scheduling::schedule_deps::ScheduleSettings;
use ports::clock::Clock;
use ports::connections::{ConnectionSource, ConnectionTester};
use ports::health::HealthStatus;
use ports::journal::Journal;
use ports::paths::AttemptPaths;
use ports::peers::Peers;
use ports::rpc::client::RpcClient;
use ports::rpc::transport::Transport;
use ports::{LogSizes, Member, NodeIdentity, Registry, Runner, Store};

/// What a node is made of.
#[derive(Clone)]
pub struct NodeDeps {
    /// This incarnation.
    pub this_node: Member,
    /// The database's generation.
    pub generation: Generation,
    /// The database's clock.
    pub clock: Clock,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The registry in which this incarnation is registered.
    pub registry: Arc<dyn Registry>,
    /// Answers the calls to this process; gets the roles when they run.
    pub local: InProcess,
    /// The way to other nodes; without it, master and worker of this node have only each other.
    pub transport: Option<Arc<dyn Transport>>,
    /// The live members; kept up to date by the actors.
    pub peers: Peers,
    /// The health issues of this node.
    pub health: HealthStatus,
    /// Whether the arbiters make progress.
    pub liveness: LivenessMonitor,
    /// Notified when the node has to drain.
    pub drain_signal: Arc<Notify>,
    /// What the worker is made of; only with that role.
    pub worker: Option<WorkerResources>,
    /// The settings of the master; only with that role.
    pub master: Option<MasterConfig>,
    /// The connections that tasks name.
    pub connections: Arc<dyn ConnectionSource>,
    /// Ends the process when an actor panics that it cannot run without.
    pub terminate_node: TerminateNode,
}

/// The settings of a master.
#[derive(Debug, Clone, Copy, Default)]
pub struct MasterConfig {
    /// How it selects workers.
    pub selection: WorkerSelection,
    /// Whether it hands instances to masters that have fewer.
    pub rebalance: bool,
    /// How it fires schedules.
    pub schedules: ScheduleSettings,
}

/// What a worker is made of.
#[derive(Clone)]
pub struct WorkerResources {
    /// Starts jobs.
    pub runner: Arc<dyn Runner>,
    /// Knows the logs that jobs leave.
    pub logs: Arc<dyn LogSizes>,
    /// Outlives the process.
    pub journal: Arc<dyn Journal>,
    /// Where the files of attempts are.
    pub paths: AttemptPaths,
    /// The boot of the machine.
    pub boot_id: String,
    /// The number of attempts that run at the same time.
    pub slots: u32,
    /// Tests connections.
    pub connections: Arc<dyn ConnectionTester>,
}

impl NodeDeps {
    /// Returns the name and address of this incarnation.
    pub fn identity(&self) -> NodeIdentity {
        NodeIdentity {
            incarnation: self.this_node.incarnation,
            host: self.this_node.host.clone(),
            name: self.this_node.name.clone(),
            generation: self.generation,
        }
    }

    /// Makes the leases of exclusive attempts. Without a way to other nodes, no other node could own anything.
    pub(crate) fn lease_grants(&self) -> LeaseGrants {
        match self.transport {
            Some(_) => LeaseGrants::clustered(self.this_node.incarnation, self.peers.clone()),
            None => LeaseGrants::standalone(),
        }
    }

    /// Returns the client of other nodes; without a way to them, of this process.
    pub(crate) fn rpc(&self) -> RpcClient {
        let local = || Arc::new(self.local.clone()) as Arc<dyn Transport>;
        RpcClient::new(self.transport.clone().unwrap_or_else(local))
    }

    /// Makes the guard of an actor that the process cannot run without.
    pub(crate) fn exit_on_panic(&self, actor: &'static str) -> ExitOnPanic {
        ExitOnPanic::new(actor, Arc::clone(&self.terminate_node))
    }
}
