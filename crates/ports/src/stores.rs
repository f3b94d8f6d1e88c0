//! The database as the actors use it, one trait per duty; each function is one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use engine::ids::{DispatchId, Incarnation, InstanceId, Timestamp};
use engine::spec::Definition;
use engine::states::MemberState;

use crate::backfills::BackfillStore;
use crate::children::ChildStore;
use crate::dependencies::DependencyStore;
use crate::error::StoreError;
use crate::inbox::{InboxCommand, RelayedResult};
use crate::instances::{LoadedInstance, Write, WriteOutcome};
use crate::limits::LimitStore;
use crate::membership::{
    DbHeartbeat, Declaration, DeclarationOutcome, FailoverRecord, HeartbeatReading, Join, JoinResult, Member,
    MemberStatus,
};
use crate::ownership::{Claim, ClaimedInstance, HandOver, InstanceOwner, OwnedInstance, Ownership};
use crate::places::PlaceStore;
use crate::schedules::ScheduleStore;
use crate::secrets::SecretSource;
use crate::workflow_lookup::WorkflowLookup;

/// The members of the cluster.
#[async_trait]
pub trait MembershipStore: Send + Sync + 'static {
    /// Starts a new incarnation of a standalone node: every other live member is declared dead in the same transaction.
    async fn join_standalone(&self, join: &Join) -> Result<JoinResult, StoreError>;

    /// Starts a new incarnation of a node of a cluster. A live incarnation of the same name or host is declared dead in
    /// the same transaction: the caller has made sure that it does not run any more.
    async fn join_cluster(&self, join: &Join) -> Result<JoinResult, StoreError>;

    /// Stores the digest of the cluster's secret if there is none yet; returns whether the stored one is the same.
    async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError>;

    /// Lists members that are joining, active or draining, with the age of their last heartbeat.
    async fn list_live_members(&self) -> Result<Vec<MemberStatus>, StoreError>;

    /// Lists live members, and those that ended within a day.
    async fn list_members(&self) -> Result<Vec<Member>, StoreError>;

    /// Moves an incarnation to a later state; a step back is refused.
    async fn set_member_state(&self, incarnation: Incarnation, state: MemberState) -> Result<(), StoreError>;

    /// Stores a heartbeat; returns the clock and the stored state of the incarnation.
    async fn record_heartbeat(&self, incarnation: Incarnation) -> Result<DbHeartbeat, StoreError>;

    /// Reads the heartbeats of an incarnation; none of one that has ended.
    async fn read_heartbeat(&self, incarnation: Incarnation) -> Result<Option<HeartbeatReading>, StoreError>;
}

/// Members whose deaths are declared, and what became of their instances.
#[async_trait]
pub trait FailoverStore: MembershipStore {
    /// Declares an incarnation dead, if the declaring one is active and the other has stored no heartbeat since the
    /// reading that the declaration names; ends its database sessions.
    async fn declare_dead(&self, declaration: &Declaration) -> Result<DeclarationOutcome, StoreError>;

    /// Records what a survivor took over from a dead incarnation; a later record of the same pair replaces the counts.
    async fn record_failover(&self, record: &FailoverRecord) -> Result<(), StoreError>;
}

/// Claims of instances that need an owner.
#[async_trait]
pub trait ClaimStore: Send + Sync + 'static {
    /// Claims instances that need an owner and have no live one. Host, owner, epoch + 1 and the owner log are stored in
    /// one statement.
    async fn claim_instances(&self, claim: &Claim) -> Result<Vec<ClaimedInstance>, StoreError>;
}

/// Which node owns which instance.
#[async_trait]
pub trait OwnershipStore: Send + Sync + 'static {
    /// Gives instances to another active master: host, owner, epoch + 1 and the owner log in one transaction. Returns
    /// those that were handed over, with their new epochs; none when the target is not an active master.
    async fn hand_over_instances(&self, hand_over: &HandOver) -> Result<Vec<Ownership>, StoreError>;

    /// Returns the owners of these instances; one that does not exist is left out.
    async fn find_owners(&self, ids: &[InstanceId]) -> Result<Vec<InstanceOwner>, StoreError>;

    /// Lists what an incarnation owns.
    async fn list_owned(&self, owner: Incarnation) -> Result<Vec<OwnedInstance>, StoreError>;

    /// Counts the instances of each owner.
    async fn count_owned(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError>;

    /// Clears the count of claims without progress of instances that stayed loaded.
    async fn clear_claims(&self, owner: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError>;
}

/// Writes instances.
#[async_trait]
pub trait InstanceWriter: Send + Sync + 'static {
    /// The number of batches that may be written at the same time.
    fn writer_count(&self) -> usize {
        1
    }

    /// Stores a batch; returns one outcome per entry, in its order. An error concerns the whole batch.
    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError>;
}

/// Reads instances for their owners.
#[async_trait]
pub trait InstanceReader: Send + Sync + 'static {
    /// Reads instances under their ownership, each from one moment; one that has another owner or epoch now is left out.
    /// An error concerns all of them.
    async fn load_instances(
        &self,
        owner: Incarnation,
        owned: &[Ownership],
    ) -> Result<Vec<LoadedInstance>, StoreError>;
}

/// The definitions that instances are pinned to.
#[async_trait]
pub trait DefinitionStore: Send + Sync + 'static {
    /// Reads a pinned definition; the same version is always the same.
    async fn load_definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError>;
}

/// The commands of users that wait for the owner of an instance.
#[async_trait]
pub trait InboxStore: Send + Sync + 'static {
    /// Reads the unapplied commands of these instances, in order.
    async fn list_unapplied_commands(&self, ids: &[InstanceId]) -> Result<Vec<InboxCommand>, StoreError>;

    /// Reads the labels that a user gave to an instance after its start; none while they are those of the start.
    async fn read_edited_labels(
        &self,
        id: InstanceId,
    ) -> Result<Option<BTreeMap<String, String>>, StoreError>;

    /// Refuses the unapplied commands of an idle instance that cannot apply in its state, without a claim.
    async fn refuse_inapplicable_commands(&self, id: InstanceId, at: Timestamp) -> Result<(), StoreError>;
}

/// Results that workers gave to another master, because they could not reach the owner.
#[async_trait]
pub trait RelayedResults: Send + Sync + 'static {
    /// Stores results for the owners of their instances, while the attempts are open; results of closed attempts are
    /// dropped. Repeating it changes nothing.
    async fn relay_results(&self, results: &[RelayedResult], at: Timestamp) -> Result<(), StoreError>;

    /// Reads the unapplied results of attempts that are still open.
    async fn list_relayed_results(&self, ids: &[InstanceId]) -> Result<Vec<RelayedResult>, StoreError>;

    /// Marks results as applied.
    async fn mark_results_applied(&self, uids: &[DispatchId], at: Timestamp) -> Result<(), StoreError>;

    /// Marks results whose attempts are closed, by them or another way, and which have no effect any more.
    async fn close_relayed_results(&self, at: Timestamp) -> Result<(), StoreError>;
}

/// The whole of the engine's side of the database.
pub trait Store:
    FailoverStore
    + ClaimStore
    + OwnershipStore
    + InstanceWriter
    + InstanceReader
    + DefinitionStore
    + InboxStore
    + RelayedResults
    + BackfillStore
    + ChildStore
    + PlaceStore
    + ScheduleStore
    + WorkflowLookup
    + DependencyStore
    + LimitStore
    + SecretSource
{
}

impl<S> Store for S where
    S: FailoverStore
        + ClaimStore
        + OwnershipStore
        + InstanceWriter
        + InstanceReader
        + DefinitionStore
        + InboxStore
        + RelayedResults
        + BackfillStore
        + ChildStore
        + PlaceStore
        + ScheduleStore
        + WorkflowLookup
        + DependencyStore
        + LimitStore
        + SecretSource
{
}
