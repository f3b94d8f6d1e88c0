//! What tasks wait for, and whom the ends of instances wake.

use async_trait::async_trait;
use engine::dependent::ItemObservation;
use engine::ids::{Incarnation, InstanceId, TaskIndex, Timestamp};
use ports::{CandidateQuery, DependencyStore, DependencyWaits, StoreError, WokenDependent};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;

use crate::batch_sql::{ALL, Column, insert, row_lock, source};
use crate::batch_statement::{BatchStatement, run_in_order, run_over_rows};
use crate::error::store_error;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Ends that are taken at a time.
const MAX_ENDS: usize = 1_000;

/// Woken tasks that are listed at a time.
const MAX_WOKEN: i64 = 2_000;

#[derive(Serialize)]
struct WaitRow {
    instance: i64,
    task_index: u32,
    place: usize,
    workflow_id: i64,
    from_at: i64,
    to_at: i64,
}

const WAIT: [Column; 6] = [
    ("instance", "bigint"),
    ("task_index", "bigint"),
    ("place", "bigint"),
    ("workflow_id", "bigint"),
    ("from_at", "bigint"),
    ("to_at", "bigint"),
];

#[derive(Serialize)]
struct TaskKey {
    c_instance: i64,
    c_task: u32,
}

const TASK_KEY: [Column; 2] = [("c_instance", "bigint"), ("c_task", "bigint")];

/// The end of an instance that a task may wait for: its base instant; a range where something of a workflow is lost.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct EndRow {
    c_workflow: i64,
    c_from: i64,
    c_to: i64,
}

const END: [Column; 3] = [("c_workflow", "bigint"), ("c_from", "bigint"), ("c_to", "bigint")];

#[async_trait]
impl DependencyStore for Store {
    async fn store_dependency_waits(&self, waits: &[DependencyWaits]) -> Result<(), StoreError> {
        if waits.is_empty() {
            return Ok(());
        }
        let backend = self.backend();
        let keys: Vec<TaskKey> = waits
            .iter()
            .map(|one| task_key(&(one.instance, one.task_index)))
            .collect();
        let rows: Vec<WaitRow> = waits.iter().flat_map(wait_rows).collect();
        let delete = || {
            format!(
                "DELETE FROM dependency_wait WHERE (instance, task_index) IN (SELECT c_instance, c_task FROM {})",
                source(backend, &TASK_KEY)
            )
        };
        let statements = [
            BatchStatement::over_rows(&keys, delete)?,
            BatchStatement::over_rows(&rows, || insert(backend, "dependency_wait", &WAIT, ALL))?,
        ];
        let transaction = self.engine_pool().begin_write().await?;
        run_in_order(&transaction, statements.into_iter().flatten().collect()).await?;
        self.commit_engine(transaction).await
    }

    async fn find_candidates(&self, queries: &[CandidateQuery]) -> Result<Vec<ItemObservation>, StoreError> {
        self.read_candidates(queries).await
    }

    async fn wake_dependents(&self) -> Result<Vec<WokenDependent>, StoreError> {
        while self.has_dependency_ends().await? && self.take_dependency_ends().await? == MAX_ENDS {}
        let sql = "SELECT w.instance, w.task_index, max(i.owner) FROM dependency_wait w \
             JOIN instance i ON i.id = w.instance WHERE w.woken \
             GROUP BY w.instance, w.task_index ORDER BY w.instance, w.task_index LIMIT $1";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, [MAX_WOKEN.into()]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_woken).collect()
    }

    async fn compare_with_ends(&self, owner: Incarnation, ended_since: Timestamp) -> Result<(), StoreError> {
        // Of each workflow the bounds of the base instants: the looks decide exactly.
        let sql = format!(
            "UPDATE dependency_wait SET woken = TRUE WHERE NOT woken AND (instance, task_index, place) IN \
             (SELECT w.instance, w.task_index, w.place FROM (SELECT e.workflow_id, \
             min(coalesce(e.scheduled_at, e.created_at)) AS c_from, \
             max(coalesce(e.scheduled_at, e.created_at)) AS c_to \
             FROM project p JOIN instance e ON e.project_id = p.id AND e.ended_at >= $2 \
             WHERE NOT e.dry_run GROUP BY e.workflow_id) c \
             JOIN dependency_wait w ON w.workflow_id = c.workflow_id AND w.to_at >= c_from AND w.from_at <= c_to \
             JOIN instance i ON i.id = w.instance AND i.owner = $1 WHERE NOT w.woken{})",
            row_lock(
                self.backend(),
                "ORDER BY w.instance, w.task_index, w.place FOR UPDATE OF w SKIP LOCKED"
            )
        );
        let transaction = self.engine_pool().begin_write().await?;
        let values = [owner.0.into(), ended_since.0.into()];
        let done = transaction.execute_raw(self.statement(&sql, values)).await;
        done.map_err(store_error)?;
        self.commit_engine(transaction).await
    }

    async fn clear_woken(&self, tasks: &[(InstanceId, TaskIndex)]) -> Result<(), StoreError> {
        if tasks.is_empty() {
            return Ok(());
        }
        let backend = self.backend();
        let keys: Vec<TaskKey> = tasks.iter().map(task_key).collect();
        let transaction = self.engine_pool().begin_write().await?;
        run_over_rows(&transaction, &keys, || {
            format!(
                "UPDATE dependency_wait SET woken = FALSE WHERE woken AND (instance, task_index) IN \
                 (SELECT c_instance, c_task FROM {})",
                source(backend, &TASK_KEY)
            )
        })
        .await?;
        self.commit_engine(transaction).await
    }
}

impl Store {
    async fn has_dependency_ends(&self) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM dependency_end LIMIT 1";
        let row = self.reader().query_one_raw(self.statement(sql, [])).await;
        Ok(row.map_err(store_error)?.is_some())
    }

    /// Marks what waits for instances that have ended, and forgets these ends. A row that another transaction holds is
    /// passed over: its task is being woken, or looks when that transaction has ended. Returns how many ends it took.
    async fn take_dependency_ends(&self) -> Result<usize, StoreError> {
        let backend = self.backend();
        let transaction = self.engine_pool().begin_write().await?;
        let sql = format!(
            "DELETE FROM dependency_end WHERE id IN (SELECT id FROM dependency_end ORDER BY id LIMIT $1{}) \
             RETURNING workflow_id, base_at, coalesce(until_at, base_at)",
            row_lock(backend, "FOR UPDATE SKIP LOCKED")
        );
        let rows = transaction
            .query_all_raw(self.statement(&sql, [i64::try_from(MAX_ENDS).unwrap_or(i64::MAX).into()]))
            .await
            .map_err(store_error)?;
        let taken = rows.len();
        let mut ends = rows.iter().map(read_end).collect::<Result<Vec<_>, _>>()?;
        // Many instances of one backfill have one base instant each, many starts by hand share none.
        ends.sort_unstable();
        ends.dedup();
        run_over_rows(&transaction, &ends, || {
            format!(
                "UPDATE dependency_wait SET woken = TRUE WHERE NOT woken AND (instance, task_index, place) IN \
                 (SELECT w.instance, w.task_index, w.place FROM {} JOIN dependency_wait w \
                 ON w.workflow_id = c_workflow AND w.to_at >= c_from AND w.from_at <= c_to WHERE NOT w.woken{})",
                source(backend, &END),
                row_lock(
                    backend,
                    "ORDER BY w.instance, w.task_index, w.place FOR UPDATE OF w SKIP LOCKED"
                )
            )
        })
        .await?;
        self.commit_engine(transaction).await?;
        Ok(taken)
    }
}

fn wait_rows(waits: &DependencyWaits) -> impl Iterator<Item = WaitRow> {
    waits.ranges.iter().enumerate().map(|(place, range)| WaitRow {
        instance: waits.instance.0,
        task_index: waits.task_index.0,
        place,
        workflow_id: range.workflow_id,
        from_at: range.bases.from.0,
        to_at: range.bases.to.0,
    })
}

fn task_key((instance, task_index): &(InstanceId, TaskIndex)) -> TaskKey {
    TaskKey {
        c_instance: instance.0,
        c_task: task_index.0,
    }
}

fn read_end(row: &QueryResult) -> Result<EndRow, StoreError> {
    let mut columns = RowReader::new(row);
    Ok(EndRow {
        c_workflow: columns.next_value()?,
        c_from: columns.next_value()?,
        c_to: columns.next_value()?,
    })
}

fn read_woken(row: &QueryResult) -> Result<WokenDependent, StoreError> {
    let mut columns = RowReader::new(row);
    Ok(WokenDependent {
        instance: InstanceId(columns.next_value()?),
        task_index: TaskIndex(columns.next_u32()?),
        owner: columns.next_value::<Option<i64>>()?.map(Incarnation),
    })
}
