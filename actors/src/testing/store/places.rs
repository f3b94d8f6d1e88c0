//! Places of the fake: nothing is limited.

use async_trait::async_trait;
use engine::ids::Timestamp;

use crate::testing::store::FakeStore;
use ports::{AdmissionPass, AdmissionReport, NewInstance, PlaceStore, StoreError};

#[async_trait]
impl PlaceStore for FakeStore {
    async fn has_place_work(&self, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn admit_waiting(&self, _: &AdmissionPass) -> Result<AdmissionReport, StoreError> {
        Ok(AdmissionReport::default())
    }

    async fn find_missing_places(&self, starts: &[NewInstance]) -> Result<Vec<Option<String>>, StoreError> {
        Ok(vec![None; starts.len()])
    }

    async fn recheck_places(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
