//! Backfills as masters read them: what decides about each, and the dates whose turn may come.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use engine::backfill::{BackfillRecord, ExistingPolicy, Prerequisites};
use engine::ids::{BackfillId, InstanceId, Revision, Timestamp};
use engine::timezone::parse_timezone;
use ports::{
    BackfillCommit, BackfillOutcome, BackfillSnapshot, BackfillStore, BackfillWorkflow, DependentRun,
    StoreError, WaitingDate, WaitingDates,
};
use sea_orm::{ConnectionTrait, QueryResult};

use crate::backfill_dates::{read_summary, summary_columns};
use crate::batch_sql::{id_list, source};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::{RowReader, corrupt};
use crate::store::Store;

#[async_trait]
impl BackfillStore for Store {
    async fn list_unsettled_backfills(&self) -> Result<Vec<BackfillId>, StoreError> {
        let sql = "SELECT id FROM backfill WHERE NOT settled ORDER BY id";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, []))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| RowReader::new(row).next_value().map(BackfillId))
            .collect()
    }

    async fn load_backfills(&self, ids: &[BackfillId]) -> Result<Vec<BackfillSnapshot>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT b.id, b.revision, b.control, b.version, b.parallelism, b.on_failure, b.existing, b.reason, {}, \
             b.requested_by, b.start FROM backfill b WHERE b.id IN (SELECT c_id FROM {}) ORDER BY b.id",
            summary_columns(),
            source(self.backend(), &[("c_id", "bigint")])
        );
        let list = id_list(ids.iter().map(|id| id.0))?;
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [list]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_snapshot).collect()
    }

    async fn list_waiting_dates(&self, id: BackfillId, count: u32) -> Result<WaitingDates, StoreError> {
        let transaction = self.begin_read().await?;
        let policy = read_policy(self, &transaction, id).await?;
        let sql = format!(
            "SELECT d.position, d.scheduled_at, d.timezone, d.workflow_id, {}, d.version, d.task, {} \
             FROM backfill_date d WHERE d.backfill = $1 AND d.state = 'waiting' \
             AND NOT EXISTS (SELECT 1 FROM backfill_date a WHERE {IS_AWAITED} AND a.state IN ('waiting', 'running')) \
             ORDER BY d.position LIMIT $2",
            existing_instance(policy),
            prerequisites()
        );
        let rows = transaction
            .query_all_raw(self.statement(&sql, [id.0.into(), i64::from(count).into()]))
            .await
            .map_err(store_error)?;
        let dates = rows
            .iter()
            .map(read_waiting_date)
            .collect::<Result<Vec<_>, _>>()?;
        let workflows: BTreeSet<i64> = dates.iter().map(|date| date.workflow_id).collect();
        Ok(WaitingDates {
            workflows: self.read_backfill_workflows(&transaction, workflows).await?,
            dates,
        })
    }

    async fn commit_backfills(&self, commits: &[BackfillCommit]) -> Result<Vec<BackfillOutcome>, StoreError> {
        self.commit_backfill_batch(commits).await
    }
}

impl Store {
    async fn read_backfill_workflows(
        &self,
        transaction: &Transaction,
        ids: BTreeSet<i64>,
    ) -> Result<BTreeMap<i64, BackfillWorkflow>, StoreError> {
        let sql = format!(
            "SELECT w.id, w.name, w.enabled, w.concurrency IS NOT NULL, p.id, p.name, p.params, p.defaults FROM workflow w \
             JOIN project p ON p.id = w.project_id WHERE w.deleted_at IS NULL AND w.id IN (SELECT c_id FROM {})",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let rows = transaction
            .query_all_raw(self.statement(&sql, [id_list(ids)?]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let mut columns = RowReader::new(row);
                let id: i64 = columns.next_value()?;
                let workflow = BackfillWorkflow {
                    name: columns.next_value()?,
                    enabled: columns.next_value()?,
                    has_concurrency: columns.next_value()?,
                    project_id: columns.next_value()?,
                    project: columns.next_value()?,
                    project_params: columns.next_json()?,
                    project_defaults: columns.next_json()?,
                };
                Ok((id, workflow))
            })
            .collect()
    }
}

fn read_snapshot(row: &QueryResult) -> Result<BackfillSnapshot, StoreError> {
    let mut columns = RowReader::new(row);
    Ok(BackfillSnapshot {
        id: BackfillId(columns.next_value()?),
        revision: Revision(columns.next_value()?),
        record: BackfillRecord {
            control: columns.next_parsed()?,
            version: columns.next_value()?,
            parallelism: columns.next_u32()?,
            on_failure: columns.next_parsed()?,
            existing: columns.next_parsed()?,
            reason: columns.next_value()?,
        },
        dates: read_summary(&mut columns)?,
        requested_by: columns.next_value()?,
        start: columns.next_json()?,
    })
}

/// Whether the date `d` runs after the date `a`.
const IS_AWAITED: &str = "a.backfill = d.backfill AND a.position BETWEEN d.awaited_first AND d.awaited_last \
    AND a.awaited_first IS NULL";

/// What became of the dates that the date `d` runs after: 2 when one did not succeed, 1 when one was skipped for an
/// instance that did not.
fn prerequisites() -> String {
    format!(
        "(SELECT max(CASE WHEN a.state IN ('failed', 'stopped', 'not_run') THEN 2 \
         WHEN a.state = 'skipped' AND NOT EXISTS (SELECT 1 FROM instance i WHERE i.id = a.instance \
         AND i.state = 'succeeded') THEN 1 ELSE 0 END) FROM backfill_date a WHERE {IS_AWAITED})"
    )
}

fn read_waiting_date(row: &QueryResult) -> Result<WaitingDate, StoreError> {
    let mut columns = RowReader::new(row);
    Ok(WaitingDate {
        position: columns.next_u32()?,
        scheduled_at: Timestamp(columns.next_value()?),
        timezone: parse_timezone(&columns.next_value::<String>()?).map_err(corrupt)?,
        workflow_id: columns.next_value()?,
        existing: columns.next_value::<Option<i64>>()?.map(InstanceId),
        dependent: read_dependent_run(&mut columns)?,
        prerequisites: match columns.next_value::<Option<i64>>()? {
            None | Some(0) => Prerequisites::Met,
            Some(1) => Prerequisites::Skipped,
            Some(_) => Prerequisites::Unmet,
        },
    })
}

fn read_dependent_run(columns: &mut RowReader<'_>) -> Result<Option<DependentRun>, StoreError> {
    let (version, task): (Option<i64>, Option<String>) = (columns.next_value()?, columns.next_value()?);
    Ok(version
        .zip(task)
        .map(|(version, task)| DependentRun { version, task }))
}

async fn read_policy(
    store: &Store,
    transaction: &Transaction,
    id: BackfillId,
) -> Result<ExistingPolicy, StoreError> {
    let sql = "SELECT existing FROM backfill WHERE id = $1";
    let row = transaction
        .query_one_raw(store.statement(sql, [id.0.into()]))
        .await
        .map_err(store_error)?;
    row.map_or(Ok(ExistingPolicy::Run), |row| RowReader::new(&row).next_parsed())
}

/// Writes the newest instance for which the date `d` is skipped. Those of the backfill itself do not count: a retry runs
/// its dates again.
fn existing_instance(policy: ExistingPolicy) -> String {
    let state = match policy {
        ExistingPolicy::Run => return "CAST(NULL AS BIGINT)".to_owned(),
        ExistingPolicy::SkipSucceeded => " AND i.state = 'succeeded'",
        ExistingPolicy::SkipAll => "",
    };
    format!(
        "(SELECT max(i.id) FROM instance i WHERE i.workflow_id = d.workflow_id AND i.scheduled_at = d.scheduled_at \
         AND NOT i.dry_run AND i.backfill IS DISTINCT FROM d.backfill{state})"
    )
}
