//! The signals that stop a node, and its drain.

use std::process;
use std::time::{Duration, Instant};

use actors::local::LocalNode;
use actors::messages::master::{CountInstances, HandOverInstances, HandoverSelection};
use actors::ports::Registry;
use engine::ids::Incarnation;
use engine::states::MemberState;
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

/// Pause between two polls for instances that are still handed over.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Failed batches after which the remaining instances are left to be claimed as orphans.
const HANDOVER_ATTEMPTS: u32 = 5;

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
        () = node.drain_signal.notified() => tracing::info!("draining by request"),
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
    hand_over_instances(node, until(LEAVING)).await;
    if let Some(worker) = &node.worker {
        worker.drain(until(LEAVING)).await;
    }
    wait_until_idle(node, until(LEFT_AFTER_RESULTS).min(STATE_TIMEOUT)).await;
    set_state(node, MemberState::Left, until(DEREGISTER_RESERVE)).await;
}

/// Deregisters; without it the registry notices the end by itself.
pub(super) async fn deregister(registry: &dyn Registry, this_node: Incarnation, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    let deregistered = registry.deregister(this_node);
    tokio::time::timeout(left.clamp(DEREGISTER_RESERVE, STATE_TIMEOUT), deregistered)
        .await
        .ok();
}

async fn set_state(node: &LocalNode, state: MemberState, left: Duration) {
    let stored = node.store.set_member_state(node.this_node.incarnation, state);
    tokio::time::timeout(STATE_TIMEOUT.min(left), stored).await.ok();
}

/// Hands instances over to the other active masters in turn, while there are any.
async fn hand_over_instances(node: &LocalNode, within: Duration) {
    let Some(masters) = &node.masters else { return };
    let until = Instant::now() + within;
    let mut failures = 0;
    for turn in 0.. {
        let mut targets = node.peers.active_masters();
        targets.retain(|member| member.incarnation != node.this_node.incarnation);
        let Some(target) = targets.get(turn % targets.len().max(1)) else {
            return;
        };
        let before = masters.supervisor.send(CountInstances).await.unwrap_or(0);
        if before == 0 || Instant::now() >= until || failures >= HANDOVER_ATTEMPTS {
            return;
        }
        let batch = HandOverInstances {
            target: target.incarnation,
            selection: HandoverSelection::Any,
        };
        let handed_over = tokio::time::timeout_at(until.into(), masters.supervisor.send(batch)).await;
        // Without an answer in time the rest stays with a node that leaves, and is claimed when it has left.
        let Ok(left) = handed_over else { return };
        if left.unwrap_or(0) < before {
            failures = 0;
            // If the call is lost, the target finds them at its next poll.
            node.rpc.request_reconcile(target.incarnation).await.ok();
        } else {
            failures += 1;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Waits until what the last results decided is stored; no slot is in use, so this takes milliseconds.
async fn wait_until_idle(node: &LocalNode, within: Duration) {
    let until = Instant::now() + within;
    while Instant::now() < until {
        if node.is_idle().await {
            return;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
