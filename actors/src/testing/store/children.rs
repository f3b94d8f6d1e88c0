//! Children of the fake: there are none, and none can be started.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::attempt::FailureKind;
use engine::children::{ChildRefusal, ChildResult, ChildSummary};
use engine::ids::InstanceId;

use crate::testing::store::FakeStore;
use ports::{
    ChildStore, ChildVersion, ChildWorkflowQuery, ChildrenCommand, ChildrenCommit, ChildrenOutcome,
    ChildrenTakeover, ParentTask, StoreError, TakeoverOutcome,
};

#[async_trait]
impl ChildStore for FakeStore {
    async fn find_child_versions(
        &self,
        queries: &[ChildWorkflowQuery],
    ) -> Result<Vec<Result<ChildVersion, ChildRefusal>>, StoreError> {
        let refusal = |query: &ChildWorkflowQuery| {
            Err(ChildRefusal {
                reason: format!("there is no workflow `{}`", query.target.name),
                failure: FailureKind::Permanent,
            })
        };
        Ok(queries.iter().map(refusal).collect())
    }

    async fn create_children(&self, commits: &[ChildrenCommit]) -> Result<Vec<ChildrenOutcome>, StoreError> {
        Ok(commits.iter().map(|_| ChildrenOutcome::Deferred).collect())
    }

    async fn take_over_children(&self, _: &ChildrenTakeover) -> Result<TakeoverOutcome, StoreError> {
        Ok(TakeoverOutcome::Done(Vec::new()))
    }

    async fn list_children(&self, parents: &[ParentTask]) -> Result<Vec<Vec<ChildSummary>>, StoreError> {
        Ok(vec![Vec::new(); parents.len()])
    }

    async fn read_child_results(
        &self,
        parents: &[ParentTask],
    ) -> Result<Vec<BTreeMap<u32, ChildResult>>, StoreError> {
        Ok(vec![BTreeMap::new(); parents.len()])
    }

    async fn command_children(&self, _: &ChildrenCommand) -> Result<Vec<InstanceId>, StoreError> {
        Ok(Vec::new())
    }
}
