//! Claims the instances that need an owner, and starts their actors.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::ids::Incarnation;
use engine::states::OwnershipReason;
use futures_util::future::join_all;

use crate::execution::db_actor::claim_ownership;
use crate::messages::master::{OrphanScanDone, RunClaimed};
use crate::messages::workflow::RecoveryCounts;
use crate::ownership::failover_deps::FailoverDeps;
use ports::fail_points::fail_point;
use ports::{Claim, ClaimedInstance, StoreError};

/// The largest number of instances that one transaction claims: enough for its fixed cost not to count, and few enough
/// for the survivors to share.
const BATCH: u32 = 500;

/// What one scan took over from one dead owner.
#[derive(Debug, Default)]
pub(crate) struct TakeoverBatch {
    /// The number of instances.
    pub(crate) instances: u32,
    /// The outcomes of their open attempts.
    pub(crate) counts: Arc<RecoveryCounts>,
}

/// What one scan took over, by dead owner; only take-overs by another node.
pub(crate) type TakeoverBatches = BTreeMap<Incarnation, TakeoverBatch>;

/// Claims batch after batch until no orphan is left; returns when every claimed instance has loaded.
///
/// The claims do not wait for the actors: the stored host is right as early as possible.
pub(crate) async fn claim_orphans(deps: &FailoverDeps) -> Result<TakeoverBatches, StoreError> {
    let mut batches = TakeoverBatches::new();
    let mut loads = Vec::new();
    loop {
        let claim = Claim {
            claimant: deps.this_node.clone(),
            only: None,
            limit: BATCH,
            at: deps.clock.now(),
        };
        let claimed = claim_ownership(&deps.db, claim).await?;
        if !claimed.is_empty() {
            fail_point("claim.before_spawn");
        }
        let is_last = claimed.len() < BATCH as usize;
        for (owner, claimed) in group_by_dead_owner(claimed) {
            let counts = record_batch(&mut batches, owner, &claimed);
            loads.push(deps.master.send(RunClaimed { claimed, counts }));
        }
        if is_last {
            break;
        }
        fail_point("claim.between_batches");
    }
    deps.master.do_send(OrphanScanDone);
    // A load fails only with the supervisor, whose death ends the node.
    join_all(loads).await;
    if !batches.is_empty() {
        fail_point("takeover.before_acknowledgement");
    }
    Ok(batches)
}

fn group_by_dead_owner(claimed: Vec<ClaimedInstance>) -> BTreeMap<Option<Incarnation>, Vec<ClaimedInstance>> {
    let mut groups: BTreeMap<Option<Incarnation>, Vec<ClaimedInstance>> = BTreeMap::new();
    for claimed in claimed {
        let dead_owner = claimed
            .from_owner
            .filter(|_| claimed.reason == OwnershipReason::Failover);
        groups.entry(dead_owner).or_default().push(claimed);
    }
    groups
}

/// Counts a batch; instances without an owner before are no take-over.
fn record_batch(
    batches: &mut TakeoverBatches,
    owner: Option<Incarnation>,
    claimed: &[ClaimedInstance],
) -> Arc<RecoveryCounts> {
    let Some(owner) = owner else {
        return Arc::default();
    };
    let batch = batches.entry(owner).or_default();
    batch.instances += u32::try_from(claimed.len()).unwrap_or(u32::MAX);
    Arc::clone(&batch.counts)
}
