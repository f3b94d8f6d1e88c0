//! Carries out operations on many instances, beside everything else that the database does.
//!
//! What is left to do, and which node does it, are rows of the database, so that any node continues after a death.

use std::sync::Arc;
use std::time::Duration;

use catalog::{BulkClaim, BulkStatus, Catalog, CatalogError};
use engine::ids::{Incarnation, InstanceId};
use ports::clock::Clock;
use ports::commit_events::CommitEvent;
use ports::node::Node;
use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// Time between two looks for operations; requests of this node wake the loop at once.
const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// Time between two looks at what owners have decided; commits of this node wake the loop at once.
const DECISION_INTERVAL: Duration = Duration::from_millis(250);

/// Time after a decision in which others follow it.
const DECISIONS_TOGETHER: Duration = Duration::from_millis(20);

/// The shortest pause after a batch, which leaves the database to others.
const MIN_PAUSE: Duration = Duration::from_millis(5);

/// Time in which an owner is to read its inbox; it reads it later in any case.
const NOTIFICATION_TIME: Duration = Duration::from_secs(5);

/// What operations need.
pub(super) struct BulkDeps {
    pub(super) this_node: Incarnation,
    pub(super) clock: Clock,
    pub(super) catalog: Catalog,
    pub(super) node: Arc<dyn Node>,
    /// Wakes the loop when an operation is requested.
    pub(super) requests: Arc<Notify>,
}

/// Carries out whatever no other living node does; never returns.
pub(super) async fn carry_out_bulk_operations(deps: BulkDeps) {
    let mut commits = deps.node.commit_events().subscribe();
    loop {
        let pause = match carry_out_open(&deps).await {
            Ok(Some(BulkStatus::Busy)) => MIN_PAUSE,
            Ok(Some(BulkStatus::Awaiting)) => DECISION_INTERVAL,
            Ok(Some(BulkStatus::Released) | None) => POLL_INTERVAL,
            Err(error) => {
                tracing::debug!(%error, "operations on many instances continue later");
                POLL_INTERVAL
            }
        };
        let wake = async {
            match pause {
                DECISION_INTERVAL => wait_for_decision(&mut commits).await,
                _ => deps.requests.notified().await,
            }
        };
        tokio::time::timeout(pause, wake).await.ok();
    }
}

/// Waits until an owner of this node decides a command. Decisions come together: those of the next moment are seen too.
async fn wait_for_decision(commits: &mut Receiver<Arc<CommitEvent>>) {
    loop {
        match commits.recv().await {
            Ok(commit) if commit.decided.is_empty() => {}
            Ok(_) | Err(RecvError::Lagged(_)) => break,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
    tokio::time::sleep(DECISIONS_TOGETHER).await;
    *commits = commits.resubscribe();
}

/// Does one batch of every open operation; returns the most urgent of what follows, none when nothing is open.
async fn carry_out_open(deps: &BulkDeps) -> Result<Option<BulkStatus>, CatalogError> {
    let claims = deps
        .catalog
        .bulk_operations()
        .claim_open(deps.this_node, deps.clock.now())
        .await?;
    let mut next = None;
    for claim in claims {
        let status = carry_out_batch(deps, claim).await?;
        next = match (next, status) {
            (Some(BulkStatus::Busy), _) | (_, BulkStatus::Busy) => Some(BulkStatus::Busy),
            (Some(BulkStatus::Awaiting), _) | (_, BulkStatus::Awaiting) => Some(BulkStatus::Awaiting),
            (_, BulkStatus::Released) => Some(BulkStatus::Released),
        };
    }
    Ok(next)
}

/// Does one batch and rests as long as it took: full load keeps at least half of the database.
async fn carry_out_batch(deps: &BulkDeps, claim: BulkClaim) -> Result<BulkStatus, CatalogError> {
    let started = Instant::now();
    let operations = deps.catalog.bulk_operations();
    let batch = operations.carry_out_batch(claim, deps.clock.now()).await?;
    let worked = started.elapsed();
    for instance in batch.posted {
        notify_owner(deps, instance);
    }
    if batch.status == BulkStatus::Busy {
        tokio::time::sleep(worked).await;
    }
    Ok(batch.status)
}

fn notify_owner(deps: &BulkDeps, instance: InstanceId) {
    let node = Arc::clone(&deps.node);
    actix_rt::spawn(async move { node.notify_owner(instance, NOTIFICATION_TIME).await });
}
