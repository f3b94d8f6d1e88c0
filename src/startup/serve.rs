//! The ports of a node: REST for users, calls of other nodes, and the line that says where they are.

use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actors::local::LocalNode;
use api::{ApiState, Threads, UiFiles};
use catalog::Catalog;
use egress::EgressPolicy;
use notify::ChannelSender;
use ports::AlertSender;
use ports::clock::Clock;
use ports::node::Node;
use tokio::sync::watch;

use super::incarnation::ThisIncarnation;
use super::start::NodeResources;
use super::{StartupError, startup_error};
use crate::config::Config;
use crate::telemetry::install_metrics;

/// Pause between two purges of expired rows.
const PURGE_INTERVAL: Duration = Duration::from_secs(3600);

/// A port that is served.
pub(super) struct ServedPort {
    pub(super) server: ServerHandle,
    pub(super) address: SocketAddr,
}

/// The port of the REST interface.
pub(super) struct ApiPort {
    pub(super) port: ServedPort,
    pub(super) threads: Threads,
    /// The socket that the server listens on.
    pub(super) listener: TcpListener,
}

/// Answers calls of other nodes; until the actors run it answers that the roles are not here.
pub(super) fn serve_peers(resources: &NodeResources) -> Result<Option<ServedPort>, StartupError> {
    let Some(network) = &resources.network else {
        return Ok(None);
    };
    let (listener, address, config) = network.served_port().map_err(startup_error)?;
    let server = rpc::serve(config, listener).map_err(startup_error)?;
    Ok(Some(spawn_server(server, address)))
}

/// Answers REST calls, on a node with that role.
pub(super) fn serve_api(
    resources: &NodeResources,
    node: &Arc<LocalNode>,
    closing: watch::Receiver<bool>,
) -> Result<Option<ApiPort>, StartupError> {
    let Some((listener, address)) = &resources.api else {
        return Ok(None);
    };
    actix_rt::spawn(purge_expired_rows(resources.catalog.clone(), node.clock()));
    let config = &resources.config;
    let state = ApiState {
        node: Arc::clone(node) as Arc<dyn Node>,
        catalog: resources.catalog.clone(),
        logs: Arc::clone(&resources.logs),
        alert_sender: make_alert_sender(&resources.catalog, node.clock())?,
        metrics: install_metrics(),
        mode: config.mode,
        timezone: config.server.timezone,
        rates: config.rates,
        address: config.server.address.clone(),
        password_login: config.auth.password_login,
        ui: Arc::new(UiFiles::embedded(config.server.address.base_path())),
        session_lifetime: config.auth.session_lifetime,
        version: env!("CARGO_PKG_VERSION"),
        layouts: Arc::default(),
        retention_requests: Arc::clone(&resources.retention_requests),
        bulk_requests: Arc::clone(&resources.bulk_requests),
        rotation_requests: Arc::clone(&resources.rotation_requests),
        closing,
    };
    let same = || listener.try_clone().map_err(startup_error);
    let (server, threads) = api::serve(state, same()?).map_err(startup_error)?;
    Ok(Some(ApiPort {
        port: spawn_server(server, *address),
        threads,
        listener: same()?,
    }))
}

fn make_alert_sender(catalog: &Catalog, clock: Clock) -> Result<Arc<dyn AlertSender>, StartupError> {
    let sender = ChannelSender::new(Arc::new(catalog.clone()), EgressPolicy::DenyMetadata, clock);
    Ok(Arc::new(sender.map_err(startup_error)?))
}

fn spawn_server(server: Server, address: SocketAddr) -> ServedPort {
    let handle = server.handle();
    actix_rt::spawn(server);
    ServedPort {
        server: handle,
        address,
    }
}

/// Drops expired request keys and tokens every hour.
async fn purge_expired_rows(catalog: Catalog, clock: Clock) {
    let mut ticks = tokio::time::interval(PURGE_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = catalog.request_keys().purge_expired(clock.now()).await {
            tracing::warn!(%error, "expired request keys and tokens were not dropped");
        }
    }
}

/// Prints the one line that says where the node serves.
pub(super) fn print_ready_line(
    config: &Config,
    this: &ThisIncarnation,
    api: Option<SocketAddr>,
    rpc: Option<SocketAddr>,
) {
    let url = api.map(|address| format!("http://{address}{}", config.server.address.base_path()));
    let rpc = rpc.map(|address| address.to_string());
    let roles = this.member.roles.join(",");
    let incarnation = this.identity.incarnation;
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
