//! Encrypts stored secret values again under another key, beside everything else that the database does, and counts
//! those that wait for it.

use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, CatalogError};
use engine::ids::Incarnation;
use ports::clock::Clock;
use secrets::KeyId;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Time between two looks for requests; those of this node wake the loop at once.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Time between two counts while values are under another key: a rotation, here or elsewhere, changes them.
const COUNT_INTERVAL: Duration = Duration::from_secs(30);

/// Time between two counts while all values are under the first key.
const REST_INTERVAL: Duration = Duration::from_secs(600);

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
    let mut counted = None;
    loop {
        match carry_out_next(&deps).await {
            Ok(RotationTurn::Carried) => counted = None,
            Ok(RotationTurn::NothingToDo) => {}
            Err(error) => {
                tracing::debug!(%error, "the encryption of secrets under another key continues later");
            }
        }
        if let Err(error) = count_outdated(&deps, &mut counted).await {
            tracing::debug!(%error, "values under another key are counted later");
        }
        tokio::time::timeout(POLL_INTERVAL, deps.requests.notified())
            .await
            .ok();
    }
}

/// What a look for requests led to.
enum RotationTurn {
    /// Values were encrypted again.
    Carried,
    /// There was no request for this node.
    NothingToDo,
}

/// Rests after each batch as long as it took: full load keeps at least half of the database.
async fn carry_out_next(deps: &RotationDeps) -> Result<RotationTurn, CatalogError> {
    let rotations = deps.catalog.secret_rotations();
    let mut claim = rotations.claim_open(deps.this_node, deps.clock.now()).await?;
    if claim.is_none() {
        return Ok(RotationTurn::NothingToDo);
    }
    while let Some(claimed) = claim {
        let started = Instant::now();
        claim = rotations.carry_out_batch(claimed, deps.clock.now()).await?;
        tokio::time::sleep(started.elapsed()).await;
    }
    Ok(RotationTurn::Carried)
}

/// The last count of values that are not under the first key.
struct OutdatedCount {
    first_key: KeyId,
    outdated: usize,
    at: Instant,
}

impl OutdatedCount {
    fn is_current(&self, first_key: &KeyId) -> bool {
        let interval = if self.outdated == 0 {
            REST_INTERVAL
        } else {
            COUNT_INTERVAL
        };
        self.first_key == *first_key && self.at.elapsed() < interval
    }
}

/// Counts the values that a rotation would encrypt again, when the last count may be wrong.
async fn count_outdated(
    deps: &RotationDeps,
    counted: &mut Option<OutdatedCount>,
) -> Result<(), CatalogError> {
    let Some(first_key) = deps.catalog.secret_rotations().first_key() else {
        return Ok(());
    };
    if counted.as_ref().is_some_and(|count| count.is_current(&first_key)) {
        return Ok(());
    }
    let outdated = deps.catalog.sealed_values().count_outdated(&first_key).await?;
    metrics::gauge!("porpoise_secret_values_outdated").set(outdated as f64);
    *counted = Some(OutdatedCount {
        first_key,
        outdated,
        at: Instant::now(),
    });
    Ok(())
}
