//! How a node is told to stop, and what it does then.

use std::process;
use std::time::{Duration, Instant};

use actors::local::LocalNode;
use actors::messages::master::{CountInstances, HandOverInstances, HandoverSelection};
use actors::ports::Registry;
use engine::ids::Incarnation;
use engine::states::MemberState;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long the word that the node drains, or has left, may take.
const MOVE: Duration = Duration::from_millis(500);

/// What remains of the deadline when the worker has ended. With `KILL_BEFORE` these are the 6 s before the deadline
/// in which tasks are killed.
const LEAVING: Duration = Duration::from_millis(700);

/// What remains of that when the last results are stored.
const LEFT_AFTER_RESULTS: Duration = Duration::from_millis(450);

/// What remains for the registry to hear of the leave, or it finds out by itself.
const LAST_WORD: Duration = Duration::from_millis(100);

/// How often a drain looks whether instances still move.
const LOOK: Duration = Duration::from_millis(50);

/// Batches in vain before the rest is left to be claimed as orphans of a node that left.
const GIVE_AWAY_TRIES: u32 = 5;

/// What the system tells a node to end with, from the first moment on.
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
    pub(super) async fn heard(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}

/// Waits for SIGTERM, SIGINT or a drain by API. A second signal ends the process at once.
pub(super) async fn told(node: &LocalNode, mut signals: Signals) {
    tokio::select! {
        signal = signals.heard() => tracing::info!("{signal}: draining"),
        () = node.drain_signal.notified() => tracing::info!("told to drain"),
    }
    actix_rt::spawn(async move {
        signals.heard().await;
        tracing::warn!("second signal: ending at once");
        process::exit(130);
    });
}

/// Gives instances away, lets running tasks end, stores their ends, and leaves; over at the deadline.
///
/// Nothing here waits for the store or the registry beyond it: a drain ends in time also when both are away.
pub(super) async fn drain(node: &LocalNode, deadline: Instant) {
    let until = |rest: Duration| {
        let left = deadline.saturating_duration_since(Instant::now());
        left.saturating_sub(rest)
    };
    move_on(node, MemberState::Draining, until(LEAVING)).await;
    node.start_drain();
    give_away(node, until(LEAVING)).await;
    if let Some(worker) = &node.worker {
        worker.drain(until(LEAVING)).await;
    }
    settle(node, until(LEFT_AFTER_RESULTS).min(MOVE)).await;
    move_on(node, MemberState::Left, until(LAST_WORD)).await;
}

/// Tells the registry, which otherwise finds out by itself.
pub(super) async fn say_goodbye(registry: &dyn Registry, me: Incarnation, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    let told = registry.deregister(me);
    tokio::time::timeout(left.clamp(LAST_WORD, MOVE), told).await.ok();
}

async fn move_on(node: &LocalNode, state: MemberState, left: Duration) {
    let moved = node.store.set_member_state(node.this_node.incarnation, state);
    tokio::time::timeout(MOVE.min(left), moved).await.ok();
}

/// Hands instances to the other active masters in turn, as long as there are any.
async fn give_away(node: &LocalNode, within: Duration) {
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
        if before == 0 || Instant::now() >= until || failures >= GIVE_AWAY_TRIES {
            return;
        }
        let give = HandOverInstances {
            target: target.incarnation,
            selection: HandoverSelection::Any,
        };
        let given = tokio::time::timeout_at(until.into(), masters.supervisor.send(give)).await;
        // Without an answer in time the rest stays with a node that leaves, and is claimed when it has left.
        let Ok(left) = given else { return };
        if left.unwrap_or(0) < before {
            failures = 0;
            // Without it the target finds them at its next look.
            node.rpc.request_reconcile(target.incarnation).await.ok();
        } else {
            failures += 1;
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Lets what the last results decided be stored: no slot is in use any more, so this is a matter of milliseconds.
async fn settle(node: &LocalNode, within: Duration) {
    let until = Instant::now() + within;
    while Instant::now() < until {
        if node.is_idle().await {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
