//! The life cycle of a node that has joined: start, serve, drain.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use engine::states::MemberState;
use ports::health::DRAINING;
use ports::node::Node;
use tokio::sync::watch;

use super::serve::{print_ready_line, serve_api, serve_peers};
use super::shutdown::Signals;
use super::start::NodeResources;
use super::{StartupError, graceful_close, shutdown};

/// Time that an incarnation without instances and attempts has to record that it left.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs a node that has joined until a signal or a drain ends it.
///
/// # Errors
/// What kept it from serving.
pub(super) async fn run(resources: NodeResources, mut signals: Signals) -> Result<ExitCode, StartupError> {
    let rpc = serve_peers(&resources)?;
    let (node, heartbeat) = tokio::select! {
        started = resources.start_actors() => started?,
        signal = signals.next() => {
            tracing::info!("{signal} before this node was active: it leaves");
            leave(&resources).await;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let (close, closing) = watch::channel(false);
    let api = serve_api(&resources, &node, closing)?;
    let NodeResources {
        config,
        incarnation,
        health,
        ..
    } = resources;
    print_ready_line(
        &config,
        &incarnation,
        api.as_ref().map(|api| api.port.address),
        rpc.as_ref().map(|port| port.address),
    );
    shutdown::wait_for_stop(&node, signals).await;
    let draining = "The node is draining.".to_owned();
    health.set_issue(DRAINING, Some(draining), node.clock().now());
    let deadline = Instant::now() + config.server.drain_timeout;
    shutdown::drain(&node, deadline).await;
    heartbeat.stop();
    shutdown::deregister(node.deregister(), deadline).await;
    close.send(true).ok();
    if let Some(api) = api {
        graceful_close::close_listener(&api.listener, &api.port.server, &api.threads, deadline).await;
    }
    if let Some(rpc) = rpc {
        rpc.server.stop(false).await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends an incarnation that has nothing to hand over.
async fn leave(resources: &NodeResources) {
    let this_node = resources.incarnation.identity.incarnation;
    let deadline = Instant::now() + LEAVE_TIMEOUT;
    let left = resources.store.set_member_state(this_node, MemberState::Left);
    tokio::time::timeout(LEAVE_TIMEOUT, left).await.ok();
    shutdown::deregister(resources.registry.deregister(this_node), deadline).await;
}
