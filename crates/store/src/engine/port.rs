//! The port that the actors speak to.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::ports::{
    self, Beat, Claim, Claimed, Declaration, Declared, FailoverRecord, HandOver, InboxVerb, Join, Joined,
    Loaded, Member, OwnedBy, Seen, StoreError,
};
use actors::ports::{Write, Written};
use async_trait::async_trait;
use engine::attempt::AttemptEnd;
use engine::ids::{DispatchId, Epoch, Incarnation, InstanceId, Timestamp};
use engine::spec::Definition;
use engine::states::MemberState;

use crate::store::Store;

#[async_trait]
impl ports::Store for Store {
    async fn join_alone(&self, join: &Join) -> Result<Joined, StoreError> {
        self.join_standalone(join).await
    }

    async fn join(&self, join: &Join) -> Result<Joined, StoreError> {
        self.join_cluster(join).await
    }

    async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError> {
        Store::agree_on_secret(self, digest).await
    }

    async fn living(&self) -> Result<Vec<Seen>, StoreError> {
        self.list_live_members().await
    }

    async fn declare_dead(&self, declaration: &Declaration) -> Result<Declared, StoreError> {
        Store::declare_dead(self, declaration).await
    }

    async fn record_failover(&self, record: &FailoverRecord) -> Result<(), StoreError> {
        Store::record_failover(self, record).await
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<Vec<(InstanceId, Epoch)>, StoreError> {
        self.hand_over_instances(hand_over).await
    }

    async fn keep_results(
        &self,
        results: &[(DispatchId, AttemptEnd)],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.relay_results(results, at).await
    }

    async fn results(&self, ids: &[InstanceId]) -> Result<Vec<(DispatchId, AttemptEnd)>, StoreError> {
        self.list_relayed_results(ids).await
    }

    async fn results_applied(&self, uids: &[DispatchId], at: Timestamp) -> Result<(), StoreError> {
        self.mark_results_applied(uids, at).await
    }

    async fn close_results(&self, at: Timestamp) -> Result<(), StoreError> {
        self.close_relayed_results(at).await
    }

    async fn owners(&self, ids: &[InstanceId]) -> Result<Vec<OwnedBy>, StoreError> {
        self.find_owners(ids).await
    }

    async fn set_member_state(&self, me: Incarnation, state: MemberState) -> Result<(), StoreError> {
        Store::set_member_state(self, me, state).await
    }

    async fn beat(&self, me: Incarnation) -> Result<Beat, StoreError> {
        self.record_heartbeat(me).await
    }

    async fn members(&self) -> Result<Vec<Member>, StoreError> {
        Store::list_members(self).await
    }

    fn writers(&self) -> usize {
        self.writer_count()
    }

    async fn write(&self, batch: &[Write]) -> Result<Vec<Written>, StoreError> {
        self.write_batch(batch).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        self.claim_instances(claim).await
    }

    async fn load(&self, me: Incarnation, asked: &[(InstanceId, Epoch)]) -> Result<Vec<Loaded>, StoreError> {
        self.load_instances(me, asked).await
    }

    async fn definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError> {
        self.pinned_definition(workflow_id, version).await
    }

    async fn verbs(&self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, InboxVerb)>, StoreError> {
        self.list_unapplied_commands(ids).await
    }

    async fn owned(&self, me: Incarnation) -> Result<Vec<(InstanceId, Epoch, bool)>, StoreError> {
        self.list_owned(me).await
    }

    async fn owned_counts(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError> {
        self.count_owned().await
    }

    async fn made_progress(&self, me: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError> {
        Store::clear_claims(self, me, ids).await
    }

    async fn refuse_at_rest(&self, id: InstanceId, at: Timestamp) -> Result<(), StoreError> {
        self.refuse_inapplicable_commands(id, at).await
    }
}
