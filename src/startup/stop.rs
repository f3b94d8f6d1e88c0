//! How a node is told to stop, and what it does then.

use std::process;
use std::time::{Duration, Instant};

use actors::local::LocalNode;
use actors::master::{Drained, Gift, GiveAway};
use engine::states::MemberState;
use tokio::signal::unix::{SignalKind, signal};

/// What remains of the deadline for the last writes after the worker has ended.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// How often a drain looks whether instances still move.
const LOOK: Duration = Duration::from_millis(50);

/// Batches in vain before the rest is left to be claimed as orphans of a node that left.
const GIVE_AWAY_TRIES: u32 = 5;

/// Waits for SIGTERM, SIGINT or a drain by API. A second signal ends the process at once.
pub(super) async fn told(node: &LocalNode) -> std::io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => tracing::info!("SIGTERM: draining"),
        _ = int.recv() => tracing::info!("SIGINT: draining"),
        () = node.drain_bell.notified() => tracing::info!("told to drain"),
    }
    actix_rt::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::warn!("second signal: ending at once");
        process::exit(130);
    });
    Ok(())
}

/// Gives instances away, lets running tasks end within the time, stores their ends, and leaves.
///
/// Nothing here waits for the store beyond the deadline: a drain ends in time also when the database is away.
pub(super) async fn drain(node: &LocalNode, deadline: Instant) {
    let left = || deadline.saturating_duration_since(Instant::now());
    move_on(node, MemberState::Draining, left()).await;
    node.start_drain();
    give_away(node, left().saturating_sub(LAST_WRITES)).await;
    if let Some(worker) = &node.worker {
        worker.drain(left().saturating_sub(LAST_WRITES)).await;
    }
    settle(node, left().min(LAST_WRITES)).await;
    move_on(node, MemberState::Left, left()).await;
}

async fn move_on(node: &LocalNode, state: MemberState, left: Duration) {
    let moved = node.store.set_member_state(node.me.incarnation, state);
    tokio::time::timeout(LAST_WRITES.min(left), moved).await.ok();
}

/// Hands instances to the other active masters in turn, as long as there are any.
async fn give_away(node: &LocalNode, within: Duration) {
    let Some(masters) = &node.masters else { return };
    let until = Instant::now() + within;
    let mut failures = 0;
    for turn in 0.. {
        let mut targets = node.peers.active_masters();
        targets.retain(|member| member.incarnation != node.me.incarnation);
        let (Some(link), Some(target)) = (&node.link, targets.get(turn % targets.len().max(1))) else {
            return;
        };
        let before = masters.supervisor.send(Drained).await.unwrap_or(0);
        if before == 0 || Instant::now() >= until || failures >= GIVE_AWAY_TRIES {
            return;
        }
        let give = GiveAway {
            target: target.incarnation,
            gift: Gift::Any,
        };
        let given = tokio::time::timeout_at(until.into(), masters.supervisor.send(give)).await;
        // Without an answer in time the rest stays with a node that leaves, and is claimed when it has left.
        let Ok(left) = given else { return };
        if left.unwrap_or(0) < before {
            failures = 0;
            // Without it the target finds them at its next look.
            link.nudge(target.incarnation).await.ok();
        } else {
            failures += 1;
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Lets what the last results decided be stored: no slot is in use any more, so this is a matter of milliseconds.
async fn settle(node: &LocalNode, within: Duration) {
    let Some(masters) = &node.masters else { return };
    let until = Instant::now() + within;
    while Instant::now() < until {
        let db = node.db.send(actors::db::Observe).await.ok();
        let idle = db.is_some_and(|db| db["queued"] == 0 && db["committing"] == 0);
        let instances = masters.supervisor.send(Drained).await.unwrap_or(0);
        if idle || instances == 0 {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
