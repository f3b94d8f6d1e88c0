//! Backfills of the fake: there are none.

use async_trait::async_trait;
use engine::ids::BackfillId;

use crate::testing::store::FakeStore;
use ports::{BackfillCommit, BackfillOutcome, BackfillSnapshot, BackfillStore, StoreError, WaitingDates};

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
