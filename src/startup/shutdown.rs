//! The signals that stop a node, and its drain.

use std::process;
use std::time::{Duration, Instant};

use actors::local::LocalNode;
use engine::states::MemberState;
use ports::RegistryError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Time for recording that the node drains, or has left.
const STATE_TIMEOUT: Duration = Duration::from_millis(500);

/// What remains of the deadline when the worker has ended. With `KILL_BEFORE` these are the 6 s before the deadline
/// in which tasks are killed.
const LEAVING: Duration = Duration::from_millis(700);

/// What remains of that when the last results are stored.
const LEFT_AFTER_RESULTS: Duration = Duration::from_millis(450);

/// Time kept for deregistering; without it the registry notices the end by itself.
const DEREGISTER_RESERVE: Duration = Duration::from_millis(100);

/// The signals that end a node, received from the first moment on.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one, and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}

/// Waits for SIGTERM, SIGINT or a drain by API. A second signal ends the process at once.
pub(super) async fn wait_for_stop(node: &LocalNode, mut signals: Signals) {
    tokio::select! {
        signal = signals.next() => tracing::info!("{signal}: draining"),
        () = node.wait_for_drain_request() => tracing::info!("draining by request"),
    }
    actix_rt::spawn(async move {
        signals.next().await;
        tracing::warn!("second signal: ending at once");
        process::exit(130);
    });
}

/// Hands instances over, lets running tasks end, stores their ends, and leaves, until the deadline at the latest.
///
/// It never waits for the store or the registry beyond the deadline, so a drain ends in time when both are away.
pub(super) async fn drain(node: &LocalNode, deadline: Instant) {
    let until = |rest: Duration| {
        let left = deadline.saturating_duration_since(Instant::now());
        left.saturating_sub(rest)
    };
    set_state(node, MemberState::Draining, until(LEAVING)).await;
    node.start_drain();
    node.hand_over_instances(until(LEAVING)).await;
    if let Some(worker) = node.worker() {
        worker.drain(until(LEAVING)).await;
    }
    // No slot is in use, so what the last results decided is stored within milliseconds.
    node.wait_until_idle(until(LEFT_AFTER_RESULTS).min(STATE_TIMEOUT))
        .await;
    set_state(node, MemberState::Left, until(DEREGISTER_RESERVE)).await;
}

/// Waits for a deregistration; without it the registry notices the end by itself.
pub(super) async fn deregister(
    deregistered: impl Future<Output = Result<(), RegistryError>>,
    deadline: Instant,
) {
    let left = deadline.saturating_duration_since(Instant::now());
    tokio::time::timeout(left.clamp(DEREGISTER_RESERVE, STATE_TIMEOUT), deregistered)
        .await
        .ok();
}

async fn set_state(node: &LocalNode, state: MemberState, left: Duration) {
    tokio::time::timeout(STATE_TIMEOUT.min(left), node.store_state(state))
        .await
        .ok();
}
