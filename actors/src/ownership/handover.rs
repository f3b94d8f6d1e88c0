//! Gives instances of this node to another master.

use std::time::Duration;

use actix::prelude::*;
use engine::ids::Incarnation;

use crate::execution::db_actor::{DbActor, HandOverOwnership};
use crate::messages::master::{CountInstances, HandOverInstances, HandoverSelection};
use ports::rpc::client::RpcClient;
use ports::{HandOver, Ownership};

/// The longest time for which the store may take to hand over one batch.
const STORE_TIMEOUT: Duration = Duration::from_secs(3);

/// Stores the new owner of a batch; returns the instances that were handed over, with their new epochs.
pub(crate) async fn store_handover(db: &Addr<DbActor>, hand_over: HandOver) -> Vec<Ownership> {
    match db.send(HandOverOwnership(hand_over)).timeout(STORE_TIMEOUT).await {
        Ok(Ok(handed_over)) => handed_over,
        Ok(Err(error)) => {
            tracing::warn!(%error, "instances could not be handed over");
            Vec::new()
        }
        Err(error) => {
            tracing::warn!(%error, "the store did not answer whether instances were handed over");
            Vec::new()
        }
    }
}

/// Hands over batch after batch until no instance is left, or a batch makes no progress. Returns the number that is left.
pub(crate) async fn hand_over_all(
    count: &Recipient<CountInstances>,
    hand_over: &Recipient<HandOverInstances>,
    rpc: &RpcClient,
    target: Incarnation,
) -> usize {
    let mut before = count.send(CountInstances).await.unwrap_or(0);
    while before > 0 {
        let batch = HandOverInstances {
            target,
            selection: HandoverSelection::Any,
        };
        let left = hand_over.send(batch).await.unwrap_or(before);
        if left >= before {
            return left;
        }
        before = left;
        // If it is lost, the target finds them at its next reconciliation.
        rpc.request_reconcile(target).await.ok();
    }
    before
}
