//! Encrypts stored secret values again under another key, beside everything else that the database does.

use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, CatalogError};
use engine::ids::Incarnation;
use ports::clock::Clock;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Time between two looks for requests; those of this node wake the loop at once.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// What rotations need.
pub(super) struct RotationDeps {
    pub(super) this_node: Incarnation,
    pub(super) clock: Clock,
    pub(super) catalog: Catalog,
    /// Wakes the loop when a rotation is requested.
    pub(super) requests: Arc<Notify>,
}

/// Carries out whatever no other living node does; never returns.
pub(super) async fn carry_out_rotations(deps: RotationDeps) {
    loop {
        if let Err(error) = carry_out_next(&deps).await {
            tracing::debug!(%error, "the encryption of secrets under another key continues later");
        }
        tokio::time::timeout(POLL_INTERVAL, deps.requests.notified())
            .await
            .ok();
    }
}

/// Rests after each batch as long as it took: full load keeps at least half of the database.
async fn carry_out_next(deps: &RotationDeps) -> Result<(), CatalogError> {
    let rotations = deps.catalog.secret_rotations();
    let mut claim = rotations.claim_open(deps.this_node, deps.clock.now()).await?;
    while let Some(claimed) = claim {
        let started = Instant::now();
        claim = rotations.carry_out_batch(claimed, deps.clock.now()).await?;
        tokio::time::sleep(started.elapsed()).await;
    }
    Ok(())
}
