//! Deletes what ended long ago: every hour, and when a user requests it, on one node at a time.
//!
//! The lease and everything that is left to do are rows of the database, so that any node continues after a death.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use engine::ids::{Incarnation, Timestamp};
use engine::states::InstanceState;
use ports::clock::Clock;
use ports::{
    AgedRows, BatchOutcome, DeletedBatch, EndedInstance, ExpirySelection, RequestedRetention, RetentionLease,
    RetentionLimit, RetentionRunId, RetentionStore, RetentionWork, SWEEP, StoreError,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::Retention;

/// Time between two reads of what is due; requests of this node wake the loop at once.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Time between two sweeps.
const SWEEP_INTERVAL_MS: i64 = 60 * 60 * 1000;

/// Time after which a worker that does not come back is no longer asked to remove logs.
const LOG_REMOVAL_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Time for which a replaced value of a secret is kept that no attempt was given: one may be about to be.
const SECRET_VALUE_MS: i64 = 60 * 60 * 1000;

/// Time for which a requested deletion, or an operation on many instances, can be read after its end.
const RUN_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Batches in a second, unless fewer rows are allowed.
const BATCHES_PER_SECOND: u32 = 10;

/// Rows of an instance for each instance that is deleted in a batch: its other rows follow in batches of their own.
const ROWS_PER_INSTANCE: u32 = 4;

/// What deletions need.
pub(super) struct RetentionDeps {
    pub(super) this_node: Incarnation,
    pub(super) clock: Clock,
    pub(super) store: Arc<dyn RetentionStore>,
    pub(super) limits: Retention,
    /// Wakes the loop when a deletion is requested.
    pub(super) requests: Arc<Notify>,
}

/// Deletes what is due whenever this node has the lease; never returns.
pub(super) async fn delete_expired_rows(deps: RetentionDeps) {
    loop {
        if let Err(error) = delete_due_rows(&deps).await {
            tracing::debug!(%error, "what ended long ago is deleted later");
        }
        let waited = tokio::time::timeout(POLL_INTERVAL, deps.requests.notified());
        waited.await.ok();
    }
}

async fn delete_due_rows(deps: &RetentionDeps) -> Result<(), StoreError> {
    let work = deps.store.find_retention_work().await?;
    if !is_due(&work, deps.clock.now()) {
        return Ok(());
    }
    let Some(lease) = deps
        .store
        .claim_retention(deps.this_node, deps.clock.now())
        .await?
    else {
        return Ok(());
    };
    let mut deletion = Deletion {
        deps,
        lease,
        requested: None,
        sweep: None,
    };
    let ended = deletion.run().await;
    deps.store.release_retention(lease).await?;
    ended
}

fn is_due(work: &RetentionWork, now: Timestamp) -> bool {
    work.requested.is_some() || work.has_purges || is_sweep_due(work, now)
}

/// A clock that was set back makes a sweep due, too.
fn is_sweep_due(work: &RetentionWork, now: Timestamp) -> bool {
    let since = now.0.saturating_sub(work.swept_at.0);
    !(0..SWEEP_INTERVAL_MS).contains(&since)
}

/// The deletions of one lease.
struct Deletion<'a> {
    deps: &'a RetentionDeps,
    lease: RetentionLease,
    requested: Option<(RetentionRunId, ExpiryCursor)>,
    sweep: Option<ExpiryCursor>,
}

/// Whether there is more to delete under this lease.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

impl Deletion<'_> {
    /// Deletes until nothing is due, or another node has the lease. What users request goes first.
    async fn run(&mut self) -> Result<(), StoreError> {
        loop {
            let work = self.deps.store.find_retention_work().await?;
            let progress = if work.has_purges {
                self.purge().await?
            } else if let Some(requested) = work.requested {
                self.continue_request(requested).await?
            } else if self.sweep.is_some() || is_sweep_due(&work, self.deps.clock.now()) {
                self.continue_sweep().await?
            } else {
                Progress::Done
            };
            if progress == Progress::Done {
                return Ok(());
            }
        }
    }

    /// Deletes what is left of deleted instances.
    async fn purge(&self) -> Result<Progress, StoreError> {
        let limit = self.rows_per_batch();
        let at = self.deps.clock.now();
        self.pace(self.deps.store.purge_instances(self.lease, limit, at))
            .await
            .map(progress_of)
    }

    async fn continue_request(&mut self, requested: RequestedRetention) -> Result<Progress, StoreError> {
        let mut cursor = match self.requested.take() {
            Some((id, cursor)) if id == requested.id => cursor,
            _ => self.cursor_of_request(&requested).await?,
        };
        let (store, at) = (&self.deps.store, self.deps.clock.now());
        let Some(page) = cursor.next_page(self.deps, self.instances_per_batch()).await? else {
            let ended = store.end_retention_run(self.lease, requested.id, at).await?;
            return Ok(progress_of(ended));
        };
        self.requested = Some((requested.id, cursor));
        self.delete_page(requested.id, &page).await
    }

    async fn cursor_of_request(&self, requested: &RequestedRetention) -> Result<ExpiryCursor, StoreError> {
        let projects = self.deps.store.list_retained_projects().await?;
        let projects = projects.iter().map(|project| project.id);
        let chosen = projects.filter(|id| requested.project.is_none_or(|chosen| chosen == *id));
        let selections = chosen.map(|project| ExpirySelection {
            project,
            states: requested.states.clone(),
            ended_before: requested.ended_before,
        });
        Ok(ExpiryCursor::new(selections.collect()))
    }

    async fn continue_sweep(&mut self) -> Result<Progress, StoreError> {
        let mut cursor = match self.sweep.take() {
            Some(cursor) => cursor,
            None => self.cursor_of_sweep().await?,
        };
        if let Some(page) = cursor.next_page(self.deps, self.instances_per_batch()).await? {
            self.sweep = Some(cursor);
            return self.delete_page(SWEEP, &page).await;
        }
        for rows in AgedRows::ALL {
            if self.delete_aged(*rows).await? == Progress::Done {
                return Ok(Progress::Done);
            }
        }
        let at = self.deps.clock.now();
        let swept = self.deps.store.record_sweep(self.lease, at).await?;
        metrics::gauge!("porpoise_retention_last_sweep_timestamp_seconds").set(at.0 as f64 / 1000.0);
        Ok(progress_of(swept))
    }

    async fn cursor_of_sweep(&self) -> Result<ExpiryCursor, StoreError> {
        let now = self.deps.clock.now();
        let projects = self.deps.store.list_retained_projects().await?;
        let states = InstanceState::ALL.iter().filter(|state| state.is_final());
        let states: Vec<InstanceState> = states.copied().collect();
        let selections = projects.into_iter().filter_map(|project| {
            let limit = project.retention.unwrap_or(self.deps.limits.instances);
            Some(ExpirySelection {
                project: project.id,
                states: states.clone(),
                ended_before: limit.expires_before(now)?,
            })
        });
        Ok(ExpiryCursor::new(selections.collect()))
    }

    /// Deletes all rows of a kind that are too old.
    async fn delete_aged(&self, rows: AgedRows) -> Result<Progress, StoreError> {
        let limit = self.rows_per_batch();
        loop {
            let at = self.deps.clock.now();
            let age = match rows {
                AgedRows::Fires
                | AgedRows::Backfills
                | AgedRows::BackfillDates
                | AgedRows::BackfillPurges => self.deps.limits.instances,
                AgedRows::Audit => self.deps.limits.audit,
                AgedRows::LogRemovals => RetentionLimit::After { ms: LOG_REMOVAL_MS },
                AgedRows::SecretValues => RetentionLimit::After { ms: SECRET_VALUE_MS },
                AgedRows::RetentionRuns | AgedRows::BulkOperations | AgedRows::SecretRotations => {
                    RetentionLimit::After { ms: RUN_MS }
                }
            };
            let Some(older_than) = age.expires_before(at) else {
                return Ok(Progress::More);
            };
            let batch = self
                .deps
                .store
                .delete_aged(self.lease, (rows, older_than), limit, at);
            match self.pace(batch).await? {
                BatchOutcome::LeaseLost => return Ok(Progress::Done),
                BatchOutcome::Deleted(batch) if batch.rows == 0 => return Ok(Progress::More),
                BatchOutcome::Deleted(_) => {}
            }
        }
    }

    async fn delete_page(&self, run: RetentionRunId, page: &[EndedInstance]) -> Result<Progress, StoreError> {
        let ids: Vec<_> = page.iter().map(|ended| ended.id).collect();
        let at = self.deps.clock.now();
        self.pace(self.deps.store.delete_instances(self.lease, run, &ids, at))
            .await
            .map(progress_of)
    }

    /// Runs a batch and waits until the next one may follow: full load keeps at least half of the database.
    async fn pace(
        &self,
        batch: impl Future<Output = Result<BatchOutcome, StoreError>>,
    ) -> Result<BatchOutcome, StoreError> {
        let started = Instant::now();
        let outcome = batch.await?;
        let worked = started.elapsed();
        metrics::histogram!("porpoise_retention_batch_seconds").record(worked.as_secs_f64());
        if let BatchOutcome::Deleted(DeletedBatch { instances, rows }) = outcome {
            metrics::counter!("porpoise_retention_instances_total").increment(instances);
            metrics::counter!("porpoise_retention_rows_total").increment(rows);
            if rows > 0 {
                tokio::time::sleep(self.batch_interval().saturating_sub(worked).max(worked)).await;
            }
        }
        Ok(outcome)
    }

    fn rows_per_batch(&self) -> u32 {
        self.deps.limits.batch.div_ceil(BATCHES_PER_SECOND)
    }

    fn instances_per_batch(&self) -> u32 {
        self.rows_per_batch().div_ceil(ROWS_PER_INSTANCE)
    }

    /// Time between two batches, so that a second has no more rows than allowed.
    fn batch_interval(&self) -> Duration {
        Duration::from_secs(1) * self.rows_per_batch() / self.deps.limits.batch
    }
}

fn progress_of(outcome: BatchOutcome) -> Progress {
    match outcome {
        BatchOutcome::Deleted(_) => Progress::More,
        BatchOutcome::LeaseLost => Progress::Done,
    }
}

/// A place in the ended instances of several projects.
struct ExpiryCursor {
    selections: VecDeque<ExpirySelection>,
    after: Option<EndedInstance>,
}

impl ExpiryCursor {
    fn new(selections: VecDeque<ExpirySelection>) -> Self {
        Self {
            selections,
            after: None,
        }
    }

    /// Reads the next instances that may be deleted; none at the end.
    async fn next_page(
        &mut self,
        deps: &RetentionDeps,
        limit: u32,
    ) -> Result<Option<Vec<EndedInstance>>, StoreError> {
        while let Some(selection) = self.selections.front() {
            let page = deps.store.list_expired(selection, self.after, limit).await?;
            self.after = page.last().copied();
            if !page.is_empty() {
                return Ok(Some(page));
            }
            self.selections.pop_front();
        }
        Ok(None)
    }
}
