//! Deletes what ended long ago, in batches: the lease and the state of the work.

use async_trait::async_trait;
use engine::ids::{Incarnation, InstanceId, Timestamp};
use ports::{
    AgedRows, BatchOutcome, DeletedBatch, EndedInstance, ExpirySelection, RequestedRetention,
    RetainedProject, RetentionLease, RetentionRunId, RetentionStore, RetentionWork, StoreError,
};
use sea_orm::{ConnectionTrait, Value};

use crate::engine::retention_batches::{
    aged_rows_statement, delete_instance_rows, list_expired_statement, purge_rows,
};
use crate::error::store_error;
use crate::ownership_predicates::LIVE_MEMBER;
use crate::pool::Transaction;
use crate::row_reader::{RowReader, corrupt};
use crate::store::Store;

/// Time for which a lease is valid after each batch.
const LEASE_MS: i64 = 30_000;

#[async_trait]
impl RetentionStore for Store {
    async fn find_retention_work(&self) -> Result<RetentionWork, StoreError> {
        let sql = "SELECT l.swept_at, \
                   CAST(CASE WHEN EXISTS (SELECT 1 FROM instance_purge) THEN 1 ELSE 0 END AS BIGINT), \
                   r.id, r.project_id, r.states, r.ended_before \
                   FROM retention_lease l LEFT JOIN retention_run r ON r.outcome = 'pending' WHERE l.id = 1";
        let row = self
            .reader()
            .query_one_raw(self.statement(sql, []))
            .await
            .map_err(store_error)?
            .ok_or_else(|| corrupt("the row of the retention lease is missing"))?;
        let mut columns = RowReader::new(&row);
        let (swept_at, purges): (i64, i64) = (columns.next_value()?, columns.next_value()?);
        let id: Option<i64> = columns.next_value()?;
        let requested = match id {
            None => None,
            Some(id) => Some(RequestedRetention {
                id: RetentionRunId(id),
                project: columns.next_value()?,
                states: columns.next_json()?,
                ended_before: Timestamp(columns.next_value()?),
            }),
        };
        Ok(RetentionWork {
            requested,
            has_purges: purges > 0,
            swept_at: Timestamp(swept_at),
        })
    }

    async fn claim_retention(
        &self,
        owner: Incarnation,
        at: Timestamp,
    ) -> Result<Option<RetentionLease>, StoreError> {
        let sql = format!(
            "UPDATE retention_lease SET owner = $1, epoch = epoch + 1, expires_at = $2 WHERE id = 1 \
             AND EXISTS (SELECT 1 FROM member WHERE incarnation = $1 AND state = 'active') \
             AND (owner IS NULL OR owner = $1 OR expires_at < $3 OR NOT EXISTS \
                 (SELECT 1 FROM member WHERE incarnation = retention_lease.owner AND {LIVE_MEMBER})) \
             RETURNING epoch"
        );
        let values = [owner.0.into(), at.plus(LEASE_MS).0.into(), at.0.into()];
        let row = self
            .writer()
            .query_one_raw(self.statement(&sql, values))
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(None) };
        let epoch = RowReader::new(&row).next_value()?;
        Ok(Some(RetentionLease { owner, epoch }))
    }

    async fn release_retention(&self, lease: RetentionLease) -> Result<(), StoreError> {
        let sql = "UPDATE retention_lease SET owner = NULL WHERE owner = $1 AND epoch = $2";
        let values = [lease.owner.0.into(), lease.epoch.into()];
        let done = self.writer().execute_raw(self.statement(sql, values)).await;
        done.map(drop).map_err(store_error)
    }

    async fn list_retained_projects(&self) -> Result<Vec<RetainedProject>, StoreError> {
        let sql = "SELECT id, retention FROM project ORDER BY id";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, []))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let mut columns = RowReader::new(row);
                Ok(RetainedProject {
                    id: columns.next_value()?,
                    retention: columns.next_optional_parsed()?,
                })
            })
            .collect()
    }

    async fn list_expired(
        &self,
        selection: &ExpirySelection,
        after: Option<EndedInstance>,
        limit: u32,
    ) -> Result<Vec<EndedInstance>, StoreError> {
        let statement = list_expired_statement(self, selection, after, limit);
        let rows = self
            .reader()
            .query_all_raw(statement)
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let mut columns = RowReader::new(row);
                Ok(EndedInstance {
                    ended_at: Timestamp(columns.next_value()?),
                    id: InstanceId(columns.next_value()?),
                })
            })
            .collect()
    }

    async fn delete_instances(
        &self,
        lease: RetentionLease,
        run: RetentionRunId,
        ids: &[InstanceId],
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        let Some(transaction) = self.begin_batch(lease, at).await? else {
            return Ok(BatchOutcome::LeaseLost);
        };
        let instances = delete_instance_rows(&transaction, run, ids).await?;
        let deleted = DeletedBatch {
            instances,
            rows: instances,
        };
        self.commit_batch(transaction, run, deleted).await
    }

    async fn purge_instances(
        &self,
        lease: RetentionLease,
        limit: u32,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        let Some(transaction) = self.begin_batch(lease, at).await? else {
            return Ok(BatchOutcome::LeaseLost);
        };
        let (run, deleted) = purge_rows(&transaction, limit).await?;
        self.commit_batch(transaction, run, deleted).await
    }

    async fn delete_aged(
        &self,
        lease: RetentionLease,
        (rows, older_than): (AgedRows, Timestamp),
        limit: u32,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        let Some(transaction) = self.begin_batch(lease, at).await? else {
            return Ok(BatchOutcome::LeaseLost);
        };
        let statement = aged_rows_statement(self, rows, older_than, limit);
        let done = transaction.execute_raw(statement).await.map_err(store_error)?;
        let deleted = DeletedBatch {
            instances: 0,
            rows: done.rows_affected(),
        };
        self.commit_batch(transaction, ports::SWEEP, deleted).await
    }

    async fn end_retention_run(
        &self,
        lease: RetentionLease,
        run: RetentionRunId,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        let sql = "UPDATE retention_run SET outcome = 'applied', ended_at = $2 WHERE id = $1";
        self.record_progress(lease, sql, [run.0.into(), at.0.into()], at)
            .await
    }

    async fn record_sweep(&self, lease: RetentionLease, at: Timestamp) -> Result<BatchOutcome, StoreError> {
        let sql = "UPDATE retention_lease SET swept_at = $2 WHERE owner = $1";
        self.record_progress(lease, sql, [lease.owner.0.into(), at.0.into()], at)
            .await
    }
}

impl Store {
    /// Begins a batch, unless another node has the lease.
    async fn begin_batch(
        &self,
        lease: RetentionLease,
        at: Timestamp,
    ) -> Result<Option<Transaction>, StoreError> {
        let transaction = self.begin().await?;
        let sql = "UPDATE retention_lease SET expires_at = $3 WHERE owner = $1 AND epoch = $2";
        let values = [
            lease.owner.0.into(),
            lease.epoch.into(),
            at.plus(LEASE_MS).0.into(),
        ];
        let renewed = transaction
            .execute_raw(self.statement(sql, values))
            .await
            .map_err(store_error)?;
        Ok((renewed.rows_affected() == 1).then_some(transaction))
    }

    async fn commit_batch(
        &self,
        transaction: Transaction,
        run: RetentionRunId,
        deleted: DeletedBatch,
    ) -> Result<BatchOutcome, StoreError> {
        if run != ports::SWEEP && deleted.rows > 0 {
            let sql = "UPDATE retention_run SET instances = instances + $2, deleted_rows = deleted_rows + $3 \
                       WHERE id = $1";
            let count = |number: u64| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
            let values = [run.0.into(), count(deleted.instances), count(deleted.rows)];
            transaction
                .execute_raw(self.statement(sql, values))
                .await
                .map_err(store_error)?;
        }
        self.commit(transaction).await?;
        Ok(BatchOutcome::Deleted(deleted))
    }

    async fn record_progress(
        &self,
        lease: RetentionLease,
        sql: &str,
        values: [Value; 2],
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        let Some(transaction) = self.begin_batch(lease, at).await? else {
            return Ok(BatchOutcome::LeaseLost);
        };
        transaction
            .execute_raw(self.statement(sql, values))
            .await
            .map_err(store_error)?;
        self.commit_batch(transaction, ports::SWEEP, DeletedBatch::default())
            .await
    }
}
