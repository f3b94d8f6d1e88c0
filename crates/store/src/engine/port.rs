//! The ports of the actors, each function forwarded to the file that has its SQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::ports::{
    Claim, ClaimedInstance, DbHeartbeat, Declaration, DeclarationOutcome, FailoverRecord, HandOver,
    HeartbeatReading, InboxCommand, InboxStore, InstanceOwner, InstanceStore, Join, JoinResult,
    LoadedInstance, Member, MemberStatus, MembershipStore, OwnedInstance, Ownership, OwnershipStore,
    RelayedResult, RelayedResults, StoreError, Write, WriteOutcome,
};
use async_trait::async_trait;
use engine::ids::{DispatchId, Incarnation, InstanceId, Timestamp};
use engine::spec::Definition;
use engine::states::MemberState;

use crate::store::Store;

#[async_trait]
impl MembershipStore for Store {
    async fn join_standalone(&self, join: &Join) -> Result<JoinResult, StoreError> {
        Store::join_standalone(self, join).await
    }

    async fn join_cluster(&self, join: &Join) -> Result<JoinResult, StoreError> {
        Store::join_cluster(self, join).await
    }

    async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError> {
        Store::agree_on_secret(self, digest).await
    }

    async fn list_live_members(&self) -> Result<Vec<MemberStatus>, StoreError> {
        Store::list_live_members(self).await
    }

    async fn list_members(&self) -> Result<Vec<Member>, StoreError> {
        Store::list_members(self).await
    }

    async fn set_member_state(&self, incarnation: Incarnation, state: MemberState) -> Result<(), StoreError> {
        Store::set_member_state(self, incarnation, state).await
    }

    async fn record_heartbeat(&self, incarnation: Incarnation) -> Result<DbHeartbeat, StoreError> {
        Store::record_heartbeat(self, incarnation).await
    }

    async fn read_heartbeat(&self, incarnation: Incarnation) -> Result<Option<HeartbeatReading>, StoreError> {
        Store::read_heartbeat(self, incarnation).await
    }

    async fn declare_dead(&self, declaration: &Declaration) -> Result<DeclarationOutcome, StoreError> {
        Store::declare_dead(self, declaration).await
    }

    async fn record_failover(&self, record: &FailoverRecord) -> Result<(), StoreError> {
        Store::record_failover(self, record).await
    }
}

#[async_trait]
impl OwnershipStore for Store {
    async fn claim_instances(&self, claim: &Claim) -> Result<Vec<ClaimedInstance>, StoreError> {
        Store::claim_instances(self, claim).await
    }

    async fn hand_over_instances(&self, hand_over: &HandOver) -> Result<Vec<Ownership>, StoreError> {
        Store::hand_over_instances(self, hand_over).await
    }

    async fn find_owners(&self, ids: &[InstanceId]) -> Result<Vec<InstanceOwner>, StoreError> {
        Store::find_owners(self, ids).await
    }

    async fn list_owned(&self, owner: Incarnation) -> Result<Vec<OwnedInstance>, StoreError> {
        Store::list_owned(self, owner).await
    }

    async fn count_owned(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError> {
        Store::count_owned(self).await
    }

    async fn clear_claims(&self, owner: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError> {
        Store::clear_claims(self, owner, ids).await
    }
}

#[async_trait]
impl InstanceStore for Store {
    fn writer_count(&self) -> usize {
        Store::writer_count(self)
    }

    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError> {
        Store::write_batch(self, batch).await
    }

    async fn load_instances(
        &self,
        owner: Incarnation,
        owned: &[Ownership],
    ) -> Result<Vec<LoadedInstance>, StoreError> {
        Store::load_instances(self, owner, owned).await
    }

    async fn load_definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError> {
        Store::load_definition(self, workflow_id, version).await
    }
}

#[async_trait]
impl InboxStore for Store {
    async fn list_unapplied_commands(&self, ids: &[InstanceId]) -> Result<Vec<InboxCommand>, StoreError> {
        Store::list_unapplied_commands(self, ids).await
    }

    async fn refuse_inapplicable_commands(&self, id: InstanceId, at: Timestamp) -> Result<(), StoreError> {
        Store::refuse_inapplicable_commands(self, id, at).await
    }
}

#[async_trait]
impl RelayedResults for Store {
    async fn relay_results(&self, results: &[RelayedResult], at: Timestamp) -> Result<(), StoreError> {
        Store::relay_results(self, results, at).await
    }

    async fn list_relayed_results(&self, ids: &[InstanceId]) -> Result<Vec<RelayedResult>, StoreError> {
        Store::list_relayed_results(self, ids).await
    }

    async fn mark_results_applied(&self, uids: &[DispatchId], at: Timestamp) -> Result<(), StoreError> {
        Store::mark_results_applied(self, uids, at).await
    }

    async fn close_relayed_results(&self, at: Timestamp) -> Result<(), StoreError> {
        Store::close_relayed_results(self, at).await
    }
}
