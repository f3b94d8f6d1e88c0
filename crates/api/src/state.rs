//! What a node gives to its REST interface.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;
use engine::timezone::Tz;
use metrics_exporter_prometheus::PrometheusHandle;
use ports::node::Node;
use ports::{AlertSender, LogSource};
use tokio::sync::{Notify, watch};

/// How a process takes part in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One process with every role.
    Standalone,
    /// One node of a cluster.
    Cluster,
}

/// Request rates that one caller of REST may reach, in requests a second with bursts of twice as many; 0 is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// With one valid token.
    pub per_token: u32,
    /// Without a valid token, from one address.
    pub per_address: u32,
}

/// The dependencies of the interface.
#[derive(Clone)]
pub struct ApiState {
    /// The actors of this node.
    pub node: Arc<dyn Node>,
    /// The stored things.
    pub catalog: Catalog,
    /// The logs of attempts.
    pub logs: Arc<dyn LogSource>,
    /// Sends test messages to channels.
    pub alert_sender: Arc<dyn AlertSender>,
    /// The registry behind `/metrics`.
    pub metrics: PrometheusHandle,
    /// How this node was started.
    pub mode: Mode,
    /// The program's version.
    pub version: &'static str,
    /// The zone of instances that neither their start nor their workflow gives one.
    pub timezone: Tz,
    /// Request rates that one caller may reach.
    pub rates: Rates,
    /// The lifetime of a session that a login opens.
    pub session_lifetime: Duration,
    /// Notified when a deletion of ended instances was requested.
    pub retention_requests: Arc<Notify>,
    /// Notified when an operation on many instances was requested.
    pub bulk_requests: Arc<Notify>,
    /// Becomes true when the server is about to stop: streams and waits end.
    pub closing: watch::Receiver<bool>,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Returns when the server is about to stop.
pub(crate) async fn wait_until_closing(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        // The sender was dropped without announcing a stop; then only the deadline of a wait ends it.
        std::future::pending::<()>().await;
    }
}
