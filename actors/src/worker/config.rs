//! The configuration of a worker, with its ports.

use std::sync::Arc;

use ports::clock::Clock;
use ports::connections::ConnectionTester;
use ports::journal::Journal;
use ports::paths::AttemptPaths;
use ports::peers::Peers;
use ports::rpc::client::RpcClient;
use ports::{LogSizes, NodeIdentity, Runner};

/// The identity and the limits of a worker.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// This node and its incarnation.
    pub me: NodeIdentity,
    /// Number of attempts that may run at a time.
    pub slots: u32,
    /// The files of attempts.
    pub paths: AttemptPaths,
    /// The boot of the machine, `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
}

/// The ports of a worker.
#[derive(Clone)]
pub struct WorkerPorts {
    /// Starts jobs.
    pub runner: Arc<dyn Runner>,
    /// Knows the logs that jobs leave.
    pub logs: Arc<dyn LogSizes>,
    /// Outlives this process.
    pub journal: Arc<dyn Journal>,
    /// Reaches masters.
    pub masters: RpcClient,
    /// The live members; names other masters for results that their owner does not take.
    pub peers: Peers,
    /// The database's time.
    pub clock: Clock,
    /// Tests connections.
    pub connections: Arc<dyn ConnectionTester>,
}
