//! The ports that the actors use, each function forwarded to the file that has its SQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::ports::{
    Claim, ClaimedInstance, DbHeartbeat, Declaration, DeclarationOutcome, FailoverRecord, HandOver, InboxCommand,
    InboxStore, InstanceOwner, InstanceStore, Join, JoinResult, LoadedInstance, Member, MemberStatus, MembershipStore,
    OwnedInstance, Ownership, OwnershipStore, RelayedResult, RelayedResults, StoreError, Write, WriteOutcome,
};
use async_trait::async_trait;
use engine::definition::Definition;
use engine::ids::{Incarnation, InstanceId, Millis, Uid};
use engine::states::MemberState;

use super::Store;

#[async_trait]
impl MembershipStore for Store {
    async fn join_standalone(&self, join: &Join) -> Result<JoinResult, StoreError> {
        self.join_standalone(join).await
    }

    async fn join_cluster(&self, join: &Join) -> Result<JoinResult, StoreError> {
        self.join_cluster(join).await
    }

    async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError> {
        self.agree_on_secret(digest).await
    }

    async fn list_live_members(&self) -> Result<Vec<MemberStatus>, StoreError> {
        self.list_live_members().await
    }

    async fn list_members(&self) -> Result<Vec<Member>, StoreError> {
        self.list_members().await
    }

    async fn set_member_state(&self, incarnation: Incarnation, state: MemberState) -> Result<(), StoreError> {
        self.set_member_state(incarnation, state).await
    }

    async fn record_heartbeat(&self, incarnation: Incarnation) -> Result<DbHeartbeat, StoreError> {
        self.record_heartbeat(incarnation).await
    }

    async fn declare_dead(&self, declaration: &Declaration) -> Result<DeclarationOutcome, StoreError> {
        self.declare_dead(declaration).await
    }

    async fn record_failover(&self, record: &FailoverRecord) -> Result<(), StoreError> {
        self.record_failover(record).await
    }
}

#[async_trait]
impl OwnershipStore for Store {
    async fn claim_instances(&self, claim: &Claim) -> Result<Vec<ClaimedInstance>, StoreError> {
        self.claim_instances(claim).await
    }

    async fn hand_over_instances(&self, hand_over: &HandOver) -> Result<Vec<Ownership>, StoreError> {
        self.hand_over_instances(hand_over).await
    }

    async fn find_owners(&self, ids: &[InstanceId]) -> Result<Vec<InstanceOwner>, StoreError> {
        self.find_owners(ids).await
    }

    async fn list_owned(&self, owner: Incarnation) -> Result<Vec<OwnedInstance>, StoreError> {
        self.list_owned(owner).await
    }

    async fn count_owned(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError> {
        self.count_owned().await
    }

    async fn clear_claims(&self, owner: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError> {
        self.clear_claims(owner, ids).await
    }
}

#[async_trait]
impl InstanceStore for Store {
    fn writer_count(&self) -> usize {
        self.writer_count()
    }

    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError> {
        self.write_batch(batch).await
    }

    async fn load_instances(
        &self,
        owner: Incarnation,
        owned: &[Ownership],
    ) -> Result<Vec<LoadedInstance>, StoreError> {
        self.load_instances(owner, owned).await
    }

    async fn load_definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError> {
        self.load_definition(workflow_id, version).await
    }
}

#[async_trait]
impl InboxStore for Store {
    async fn list_unapplied_commands(&self, ids: &[InstanceId]) -> Result<Vec<InboxCommand>, StoreError> {
        self.list_unapplied_commands(ids).await
    }

    async fn refuse_inapplicable_commands(&self, id: InstanceId, at: Millis) -> Result<(), StoreError> {
        self.refuse_inapplicable_commands(id, at).await
    }
}

#[async_trait]
impl RelayedResults for Store {
    async fn relay_results(&self, results: &[RelayedResult], at: Millis) -> Result<(), StoreError> {
        self.relay_results(results, at).await
    }

    async fn list_relayed_results(&self, ids: &[InstanceId]) -> Result<Vec<RelayedResult>, StoreError> {
        self.list_relayed_results(ids).await
    }

    async fn mark_results_applied(&self, uids: &[Uid], at: Millis) -> Result<(), StoreError> {
        self.mark_results_applied(uids, at).await
    }

    async fn close_relayed_results(&self, at: Millis) -> Result<(), StoreError> {
        self.close_relayed_results(at).await
    }
}
