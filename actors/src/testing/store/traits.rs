//! The store's traits, as the fake implements them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use engine::ids::{DispatchId, Incarnation, InstanceId, ScheduleId, Timestamp};
use engine::spec::Definition;
use engine::states::{MemberState, OperationStatus};

use crate::testing::store::{FailedWrite, FakeStore};
use ports::{
    Claim, ClaimStore, ClaimedInstance, DbHeartbeat, Declaration, DeclarationOutcome, DefinitionStore,
    FailoverRecord, FailoverStore, FireCommit, FireOutcome, HandOver, HeartbeatReading, InboxCommand,
    InboxStore, InstanceOwner, InstanceReader, InstanceWriter, Join, JoinResult, LoadedInstance,
    LoadedSchedule, Member, MemberStatus, MembershipStore, OwnedInstance, Ownership, OwnershipStore,
    RelayedResult, RelayedResults, ScheduleStore, StoreError, UpcomingSchedule, Write, WriteOutcome,
};

#[async_trait]
impl MembershipStore for FakeStore {
    async fn join_standalone(&self, join: &Join) -> Result<JoinResult, StoreError> {
        Ok(self.state().start_incarnation(join, |_| true))
    }

    async fn join_cluster(&self, join: &Join) -> Result<JoinResult, StoreError> {
        let is_rival = |member: &Member| member.name == join.name || member.host == join.host;
        Ok(self.state().start_incarnation(join, is_rival))
    }

    async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError> {
        Ok(self.state().agree_on_secret(digest))
    }

    async fn list_live_members(&self) -> Result<Vec<MemberStatus>, StoreError> {
        Ok(self.state().living())
    }

    async fn list_members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(self.state().members.clone())
    }

    async fn set_member_state(&self, incarnation: Incarnation, to: MemberState) -> Result<(), StoreError> {
        self.state().set_member_state(incarnation, to)
    }

    async fn record_heartbeat(&self, incarnation: Incarnation) -> Result<DbHeartbeat, StoreError> {
        Ok(self.state().record_heartbeat(incarnation))
    }

    async fn read_heartbeat(&self, incarnation: Incarnation) -> Result<Option<HeartbeatReading>, StoreError> {
        Ok(self.state().read_heartbeat(incarnation))
    }
}

#[async_trait]
impl FailoverStore for FakeStore {
    async fn declare_dead(&self, declaration: &Declaration) -> Result<DeclarationOutcome, StoreError> {
        Ok(self.state().declare_dead(declaration))
    }

    async fn record_failover(&self, record: &FailoverRecord) -> Result<(), StoreError> {
        self.state().record_failover(record)
    }
}

#[async_trait]
impl ClaimStore for FakeStore {
    async fn claim_instances(&self, claim: &Claim) -> Result<Vec<ClaimedInstance>, StoreError> {
        Ok(self.state().claim(claim))
    }
}

#[async_trait]
impl OwnershipStore for FakeStore {
    async fn hand_over_instances(&self, hand_over: &HandOver) -> Result<Vec<Ownership>, StoreError> {
        Ok(self.state().hand_over(hand_over))
    }

    async fn find_owners(&self, ids: &[InstanceId]) -> Result<Vec<InstanceOwner>, StoreError> {
        let state = self.state();
        let ids: BTreeSet<&InstanceId> = ids.iter().collect();
        Ok(ids.into_iter().filter_map(|id| state.owner_of(*id)).collect())
    }

    async fn list_owned(&self, owner: Incarnation) -> Result<Vec<OwnedInstance>, StoreError> {
        Ok(self.state().owned_by(owner))
    }

    async fn count_owned(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError> {
        let state = self.state();
        let mut counts = BTreeMap::new();
        for (owner, _) in state.instances.values().filter_map(|row| row.owner.as_ref()) {
            *counts.entry(*owner).or_default() += 1;
        }
        Ok(counts)
    }

    async fn clear_claims(&self, owner: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError> {
        let mut state = self.state();
        for (id, row) in &mut state.instances {
            if ids.contains(id) && row.owner.as_ref().is_some_and(|(known, _)| *known == owner) {
                row.claims = 0;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl InstanceWriter for FakeStore {
    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError> {
        let mut state = self.state();
        let failure = state.failures.pop_front();
        if let Some((error, FailedWrite::NotApplied)) = failure {
            return Err(error);
        }
        state.writes += 1;
        let outcomes = batch.iter().map(|entry| state.write(entry)).collect();
        match failure {
            Some((error, FailedWrite::Applied)) => Err(error),
            _ => Ok(outcomes),
        }
    }
}

#[async_trait]
impl InstanceReader for FakeStore {
    async fn load_instances(
        &self,
        owner: Incarnation,
        owned: &[Ownership],
    ) -> Result<Vec<LoadedInstance>, StoreError> {
        // Like a database that takes its time.
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.reads.push(owned.len());
        if let Some(broken) = owned.iter().find(|one| state.damaged.contains(&one.id)) {
            let reason = format!("the rows of {} cannot be read", broken.id);
            return Err(StoreError::Rejected(reason));
        }
        let found = owned.iter().filter_map(|one| state.load(*one, owner));
        Ok(found.collect())
    }
}

#[async_trait]
impl DefinitionStore for FakeStore {
    async fn load_definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError> {
        let state = self.state();
        let known = state.definitions.get(&(workflow_id, version)).cloned();
        known.ok_or_else(|| StoreError::Rejected(format!("workflow {workflow_id} has no version {version}")))
    }
}

#[async_trait]
impl InboxStore for FakeStore {
    async fn read_edited_labels(
        &self,
        _: InstanceId,
    ) -> Result<Option<BTreeMap<String, String>>, StoreError> {
        Ok(None)
    }

    async fn list_unapplied_commands(&self, ids: &[InstanceId]) -> Result<Vec<InboxCommand>, StoreError> {
        let state = self.state();
        let pending = state
            .inbox
            .iter()
            .filter(|row| row.outcome == OperationStatus::Pending);
        let commands = pending.map(|row| &row.command);
        Ok(commands
            .filter(|command| ids.contains(&command.instance))
            .cloned()
            .collect())
    }

    async fn refuse_inapplicable_commands(&self, id: InstanceId, _at: Timestamp) -> Result<(), StoreError> {
        self.state().refuse_inapplicable_commands(id);
        Ok(())
    }
}

#[async_trait]
impl RelayedResults for FakeStore {
    async fn relay_results(&self, results: &[RelayedResult], _at: Timestamp) -> Result<(), StoreError> {
        self.state().relay_results(results);
        Ok(())
    }

    async fn list_relayed_results(&self, ids: &[InstanceId]) -> Result<Vec<RelayedResult>, StoreError> {
        let state = self.state();
        Ok(ids.iter().flat_map(|id| state.relayed_results(*id)).collect())
    }

    async fn mark_results_applied(&self, uids: &[DispatchId], _at: Timestamp) -> Result<(), StoreError> {
        self.state().applied.extend(uids);
        Ok(())
    }

    async fn close_relayed_results(&self, _at: Timestamp) -> Result<(), StoreError> {
        self.state().close_relayed_results();
        Ok(())
    }
}

/// The fake has no schedules.
#[async_trait]
impl ScheduleStore for FakeStore {
    async fn list_upcoming_schedules(
        &self,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<UpcomingSchedule>, StoreError> {
        Ok(Vec::new())
    }

    async fn load_schedules(&self, _: &[ScheduleId]) -> Result<Vec<LoadedSchedule>, StoreError> {
        Ok(Vec::new())
    }

    async fn commit_fires(&self, batch: &[FireCommit]) -> Result<Vec<FireOutcome>, StoreError> {
        Ok(batch.iter().map(|_| FireOutcome::Changed).collect())
    }
}
