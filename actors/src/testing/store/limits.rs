//! Limits of the fake: there are none.

use async_trait::async_trait;
use engine::ids::Incarnation;

use crate::testing::store::FakeStore;
use ports::{AdmissibleTask, LimitScope, LimitStore, ProjectShare, StoreError};

#[async_trait]
impl LimitStore for FakeStore {
    async fn find_admissible_tasks(&self, _: &LimitScope) -> Result<Vec<AdmissibleTask>, StoreError> {
        Ok(Vec::new())
    }

    async fn list_project_shares(&self) -> Result<Vec<ProjectShare>, StoreError> {
        Ok(Vec::new())
    }

    async fn reconcile_project_caps(&self, _: Incarnation) -> Result<(), StoreError> {
        Ok(())
    }
}
