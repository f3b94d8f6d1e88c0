//! What the fake has none of: backfills, workflows that tasks name, tasks that wait for instances.

use async_trait::async_trait;
use engine::dependent::ItemObservation;
use engine::ids::{BackfillId, Incarnation, InstanceId, TaskIndex, Timestamp};

use crate::testing::store::FakeStore;
use ports::{
    BackfillCommit, BackfillOutcome, BackfillSnapshot, BackfillStore, CandidateQuery, DependencyStore,
    DependencyWaits, NamedWorkflow, StoreError, WaitingDates, WokenDependent, WorkflowLookup, WorkflowName,
};

#[async_trait]
impl BackfillStore for FakeStore {
    async fn list_unsettled_backfills(&self) -> Result<Vec<BackfillId>, StoreError> {
        Ok(Vec::new())
    }

    async fn load_backfills(&self, _: &[BackfillId]) -> Result<Vec<BackfillSnapshot>, StoreError> {
        Ok(Vec::new())
    }

    async fn list_waiting_dates(&self, _: BackfillId, _: u32) -> Result<WaitingDates, StoreError> {
        Ok(WaitingDates::default())
    }

    async fn commit_backfills(&self, commits: &[BackfillCommit]) -> Result<Vec<BackfillOutcome>, StoreError> {
        Ok(commits.iter().map(|_| BackfillOutcome::Stale).collect())
    }
}

#[async_trait]
impl WorkflowLookup for FakeStore {
    async fn find_named_workflows(
        &self,
        _: &str,
        names: &[WorkflowName],
    ) -> Result<Vec<NamedWorkflow>, StoreError> {
        let unknown = |name: &WorkflowName| NamedWorkflow {
            name: name.clone(),
            access: None,
            target: None,
        };
        Ok(names.iter().map(unknown).collect())
    }
}

#[async_trait]
impl DependencyStore for FakeStore {
    async fn store_dependency_waits(&self, _: &[DependencyWaits]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn find_candidates(&self, queries: &[CandidateQuery]) -> Result<Vec<ItemObservation>, StoreError> {
        Ok(queries.iter().map(|_| ItemObservation::NothingEarlier).collect())
    }

    async fn wake_dependents(&self) -> Result<Vec<WokenDependent>, StoreError> {
        Ok(Vec::new())
    }

    async fn compare_with_ends(&self, _: Incarnation, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn clear_woken(&self, _: &[(InstanceId, TaskIndex)]) -> Result<(), StoreError> {
        Ok(())
    }
}
