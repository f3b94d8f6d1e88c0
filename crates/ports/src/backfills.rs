//! Backfills as the masters decide about them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::backfill::{BackfillChanges, BackfillRecord, DateSummary, Prerequisites};
use engine::ids::{BackfillId, InstanceId, Revision, Timestamp};
use engine::spec::ProjectDefaults;
use engine::timezone::Tz;
use serde_json::Value;

use crate::error::StoreError;
use crate::instances::NewInstance;
use crate::membership::NodeIdentity;

/// A backfill as decisions need it, from one moment; its size does not depend on the number of its dates.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillSnapshot {
    /// Its id.
    pub id: BackfillId,
    /// Grows with each change; a condition of the next one.
    pub revision: Revision,
    /// What decides about it.
    pub record: BackfillRecord,
    /// Its dates, summarised.
    pub dates: DateSummary,
    /// The user who made it.
    pub requested_by: String,
    /// The body of the start of its instances, but for the date and its zone.
    pub start: Value,
}

/// A workflow of a backfill's dates as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillWorkflow {
    /// Its name.
    pub name: String,
    /// Whether it may be started.
    pub enabled: bool,
    /// Whether its current version limits its instances.
    pub has_concurrency: bool,
    /// The project's row.
    pub project_id: i64,
    /// The project's name.
    pub project: String,
    /// The project's parameters.
    pub project_params: BTreeMap<String, String>,
    /// What holds where the start and the definition say nothing.
    pub project_defaults: ProjectDefaults,
}

/// A date that waits, with what its start depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingDate {
    /// Its place in the order of running.
    pub position: u32,
    /// The date.
    pub scheduled_at: Timestamp,
    /// The zone of its instance.
    pub timezone: Tz,
    /// The newest instance of another trigger that the backfill's policy skips the date for.
    pub existing: Option<InstanceId>,
    /// The workflow that runs.
    pub workflow_id: i64,
    /// What of it runs, where it is not the backfill's own.
    pub dependent: Option<DependentRun>,
    /// What became of the dates that it runs after.
    pub prerequisites: Prerequisites,
}

/// What runs of a workflow that depends on the one of a backfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependentRun {
    /// Its version.
    pub version: i64,
    /// The task that depends; it runs with everything downstream.
    pub task: String,
}

/// The next dates of a backfill, from one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitingDates {
    /// In the order of running.
    pub dates: Vec<WaitingDate>,
    /// Their workflows by row.
    pub workflows: BTreeMap<i64, BackfillWorkflow>,
}

/// The changes of one backfill that are committed together, with the instances of the dates that start.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillCommit {
    /// The backfill.
    pub id: BackfillId,
    /// A condition of the write; it grows by one.
    pub revision: Revision,
    /// When it was decided.
    pub at: Timestamp,
    /// What changes.
    pub changes: BackfillChanges,
    /// One for each date that starts, in the order of `changes.dates`.
    pub instances: Vec<NewInstance>,
}

/// An instance that a commit made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its first owner; without one it waits to be claimed.
    pub owner: Option<NodeIdentity>,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillOutcome {
    /// Stored, with these instances.
    Stored(Vec<StartedInstance>),
    /// What was decided on has changed, and nothing was stored: it is to be decided again.
    Stale,
    /// The store refuses it alone: nothing was stored.
    Rejected(String),
}

/// The backfills of all nodes.
#[async_trait]
pub trait BackfillStore: Send + Sync + 'static {
    /// Lists the backfills about which something may be decided, oldest first: those with waiting dates.
    async fn list_unsettled_backfills(&self) -> Result<Vec<BackfillId>, StoreError>;

    /// Reads these backfills; one that does not exist is left out.
    async fn load_backfills(&self, ids: &[BackfillId]) -> Result<Vec<BackfillSnapshot>, StoreError>;

    /// Reads the next dates of a backfill that wait, in the order of running, at most `count`; those of dependents only
    /// once every date that they run after has ended.
    async fn list_waiting_dates(&self, id: BackfillId, count: u32) -> Result<WaitingDates, StoreError>;

    /// Stores commits in one transaction; returns one outcome per commit, in its order. A commit is stale when its
    /// revision is, when dates would start beyond the parallelism or after a failure that ends the backfill, or when a
    /// workflow may not be started any more. An error concerns all.
    async fn commit_backfills(&self, commits: &[BackfillCommit]) -> Result<Vec<BackfillOutcome>, StoreError>;
}
