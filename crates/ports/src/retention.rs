//! The deletion of what ended long ago: what is due, who does it, and in which batches.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use engine::ids::{Incarnation, InstanceId, Timestamp};
use engine::spec::duration::{self, HumanDuration};
use engine::states::InstanceState;

use crate::error::StoreError;

/// Instances whose deletion no user requested belong to this run.
pub const SWEEP: RetentionRunId = RetentionRunId(0);

/// The shortest time for which something is kept, in milliseconds.
const MIN_LIMIT_MS: i64 = 24 * 60 * 60 * 1000;

/// For how long something is kept after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionLimit {
    /// For ever.
    Never,
    /// For this time.
    After {
        /// In milliseconds.
        ms: i64,
    },
}

impl RetentionLimit {
    /// Returns the latest end of what is deleted now; none when nothing is.
    pub fn expires_before(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::After { ms } => Some(Timestamp(now.0.saturating_sub(ms))),
        }
    }
}

impl FromStr for RetentionLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        match duration::parse(text) {
            Some(ms) if ms >= MIN_LIMIT_MS => Ok(Self::After { ms }),
            Some(_) => Err(format!("`{text}` is less than a day; the shortest is `1d`")),
            None => Err(format!(
                "`{text}` is no duration: write for example `90d`, or `never`"
            )),
        }
    }
}

impl fmt::Display for RetentionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::After { ms } => HumanDuration(*ms).fmt(f),
        }
    }
}

/// The row of a requested deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetentionRunId(pub i64);

/// The right to delete, of one node at a time. Every batch names it, and changes nothing when another node has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionLease {
    /// Who has it.
    pub owner: Incarnation,
    /// Grows with each claim.
    pub epoch: i64,
}

/// What there is to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionWork {
    /// The deletion that a user requested and that has not ended.
    pub requested: Option<RequestedRetention>,
    /// Whether deleted instances have rows left.
    pub has_purges: bool,
    /// When everything that is too old was last deleted.
    pub swept_at: Timestamp,
}

/// A deletion that a user requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedRetention {
    /// Its row.
    pub id: RetentionRunId,
    /// Which project; every one unless given.
    pub project: Option<i64>,
    /// In which states.
    pub states: Vec<InstanceState>,
    /// The latest end of an instance that is deleted.
    pub ended_before: Timestamp,
}

/// For how long the ended instances of one project are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedProject {
    /// The project's row.
    pub id: i64,
    /// Its own limit; the server's unless given.
    pub retention: Option<RetentionLimit>,
}

/// The ended instances of one project that are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpirySelection {
    /// The project's row.
    pub project: i64,
    /// In which states.
    pub states: Vec<InstanceState>,
    /// The latest end of an instance that is deleted.
    pub ended_before: Timestamp,
}

/// The place of an instance in the order of ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndedInstance {
    /// When it ended.
    pub ended_at: Timestamp,
    /// Which one.
    pub id: InstanceId,
}

/// Rows that no instance owns, of which each kind has its own age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgedRows {
    /// Fires of schedules without an instance.
    Fires,
    /// Backfills that ended and have no instance left.
    Backfills,
    /// Dates of deleted backfills.
    BackfillDates,
    /// Notes of deleted backfills that have no date left.
    BackfillPurges,
    /// The audit log.
    Audit,
    /// Requests to workers to remove logs.
    LogRemovals,
    /// Requested deletions that ended.
    RetentionRuns,
    /// Operations on many instances that ended.
    BulkOperations,
    /// Values of secrets that were replaced or deleted, and that no attempt was given.
    SecretValues,
    /// Changes of the key of secrets that ended.
    SecretRotations,
}

impl AgedRows {
    /// Every kind, in the order of deletion.
    pub const ALL: &'static [Self] = &[
        Self::Fires,
        Self::Backfills,
        Self::BackfillDates,
        Self::BackfillPurges,
        Self::Audit,
        Self::LogRemovals,
        Self::RetentionRuns,
        Self::SecretValues,
        Self::SecretRotations,
        Self::BulkOperations,
    ];
}

/// What one batch deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeletedBatch {
    /// Instances.
    pub instances: u64,
    /// Rows of all tables, those of instances included.
    pub rows: u64,
}

/// The outcome of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOutcome {
    /// It is stored.
    Deleted(DeletedBatch),
    /// Another node has the lease now; nothing was deleted.
    LeaseLost,
}

/// Deletes what ended long ago, one short transaction for each batch.
#[async_trait]
pub trait RetentionStore: Send + Sync + 'static {
    /// Reads what there is to delete.
    async fn find_retention_work(&self) -> Result<RetentionWork, StoreError>;

    /// Takes the lease when no live member has it, or it has expired; none when another node deletes.
    async fn claim_retention(
        &self,
        owner: Incarnation,
        at: Timestamp,
    ) -> Result<Option<RetentionLease>, StoreError>;

    /// Gives the lease back.
    async fn release_retention(&self, lease: RetentionLease) -> Result<(), StoreError>;

    /// Lists every project with its own limit, deleted ones included.
    async fn list_retained_projects(&self) -> Result<Vec<RetainedProject>, StoreError>;

    /// Lists the next instances that may be deleted, the earliest end first. One with an owner, an unapplied command, a
    /// parent that exists or an open child or backfill is left out.
    async fn list_expired(
        &self,
        selection: &ExpirySelection,
        after: Option<EndedInstance>,
        limit: u32,
    ) -> Result<Vec<EndedInstance>, StoreError>;

    /// Deletes the rows of those instances that may still be deleted; their other rows are left to
    /// `purge_instances`. The counts are added to the run.
    async fn delete_instances(
        &self,
        lease: RetentionLease,
        run: RetentionRunId,
        ids: &[InstanceId],
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError>;

    /// Deletes rows of deleted instances, and their final children, at most `limit`; fewer rows than that mean that
    /// little or nothing is left. The counts are added to the run that deleted each instance.
    async fn purge_instances(
        &self,
        lease: RetentionLease,
        limit: u32,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError>;

    /// Deletes rows of a kind that are older than an instant, at most `limit`.
    async fn delete_aged(
        &self,
        lease: RetentionLease,
        (rows, older_than): (AgedRows, Timestamp),
        limit: u32,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError>;

    /// Records that a requested deletion has ended.
    async fn end_retention_run(
        &self,
        lease: RetentionLease,
        run: RetentionRunId,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError>;

    /// Records that everything that is too old is deleted.
    async fn record_sweep(&self, lease: RetentionLease, at: Timestamp) -> Result<BatchOutcome, StoreError>;
}
