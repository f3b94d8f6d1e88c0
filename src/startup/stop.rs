//! How a node is told to stop, and what it does then.

use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::local::LocalNode;
use actors::master::{Drained, StartDrain};
use actors::node::Node;
use actors::ports::Store;
use engine::states::MemberState;
use tokio::signal::unix::{SignalKind, signal};

/// What remains of the deadline for the last writes after the worker has ended.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// How often a drain looks whether instances still move.
const LOOK: Duration = Duration::from_millis(50);

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

/// Lets running tasks end within the time, stores their ends, and leaves.
///
/// Nothing here waits for the store beyond the deadline: a drain ends in time also when the database is away.
pub(super) async fn drain(node: &LocalNode, store: &Arc<dyn Store>, timeout: Duration) {
    let deadline = Instant::now() + timeout;
    let me = node.me().incarnation;
    let left = || deadline.saturating_duration_since(Instant::now());
    tokio::time::timeout(
        LAST_WRITES.min(left()),
        store.set_member_state(me, MemberState::Draining),
    )
    .await
    .ok();
    node.master.do_send(StartDrain);
    if let Some(worker) = &node.worker {
        worker.drain(left().saturating_sub(LAST_WRITES)).await;
    }
    settle(node, left().min(LAST_WRITES)).await;
    tokio::time::timeout(
        LAST_WRITES.min(left()),
        store.set_member_state(me, MemberState::Left),
    )
    .await
    .ok();
}

/// Lets what the last results decided be stored: no slot is in use any more, so this is a matter of milliseconds.
async fn settle(node: &LocalNode, within: Duration) {
    let until = Instant::now() + within;
    while Instant::now() < until {
        let db = node.db.send(actors::db::Observe).await.ok();
        let idle = db.is_some_and(|db| db["queued"] == 0 && db["committing"] == 0);
        let instances = node.master.send(Drained).await.unwrap_or(0);
        if idle || instances == 0 {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
