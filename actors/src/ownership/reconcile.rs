//! Reads and repairs in the store what lost messages leave behind.

use std::sync::Arc;

use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId, Timestamp};

use crate::execution::db_actor::{DbActor, claim_ownership};
use ports::{Claim, ClaimedInstance, NodeIdentity, Store, StoreError};

/// The outcome of a request to own one instance.
pub(crate) enum ClaimResult {
    /// This node owns it now.
    Claimed(ClaimedInstance),
    /// It needs no owner; the commands in its inbox that cannot apply are refused.
    Idle,
    /// Another node owns it.
    OwnedElsewhere,
}

/// Claims one instance if it needs an owner.
pub(crate) async fn claim_one(
    store: &dyn Store,
    db: &Addr<DbActor>,
    claimant: NodeIdentity,
    (id, at): (InstanceId, Timestamp),
) -> Result<ClaimResult, StoreError> {
    let this_node = claimant.incarnation;
    let claim = Claim {
        claimant,
        only: Some(id),
        limit: 1,
        at,
    };
    if let Some(claimed) = claim_ownership(db, claim).await?.into_iter().next() {
        return Ok(ClaimResult::Claimed(claimed));
    }
    let owned = store.find_owners(&[id]).await?.into_iter().next();
    match owned.and_then(|row| row.owner) {
        Some((owner, _)) if owner != this_node => Ok(ClaimResult::OwnedElsewhere),
        _ => {
            store.refuse_inapplicable_commands(id, at).await?;
            Ok(ClaimResult::Idle)
        }
    }
}

/// Marks relayed results whose attempts were closed another way, which no owner would read any more.
pub(crate) async fn close_relayed_results(store: Arc<dyn Store>, at: Timestamp) {
    if let Err(error) = store.close_relayed_results(at).await {
        tracing::debug!(%error, "relayed results of closed attempts were not marked");
    }
}

/// Stores, in one statement, which instances have stayed loaded for a while.
pub(crate) async fn clear_claims(store: Arc<dyn Store>, owner: Incarnation, ids: Vec<InstanceId>) {
    if ids.is_empty() {
        return;
    }
    if let Err(error) = store.clear_claims(owner, &ids).await {
        tracing::debug!(%error, "progress was not stored");
    }
}
