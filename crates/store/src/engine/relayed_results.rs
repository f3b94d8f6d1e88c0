//! Results that reached another master than the owner: in the inbox until the owner has applied them.

use async_trait::async_trait;
use engine::ids::{DispatchId, InstanceId, Timestamp};
use ports::{RelayedResult, RelayedResults, StoreError};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;

use crate::batch_sql::{Column, id_list, json, source};
use crate::error::store_error;
use crate::row_reader::{RowReader, corrupt};
use crate::store::Store;

/// Prefix of the key of a relayed result, before the uid.
const KEY_PREFIX: &str = "result/";

/// The condition of an unapplied row `x` of the inbox that holds the result of an open attempt. A result of an
/// attempt that is closed by now has no effect any more.
pub(crate) const OPEN_RESULT: &str = "x.kind = 'result' AND x.applied_at IS NULL AND EXISTS (SELECT 1 FROM attempt a \
     WHERE a.dispatch_id = substr(x.dedup_key, 8) AND a.instance = x.instance AND a.state IN ('created', 'running'))";

#[derive(Serialize)]
struct RelayedRow {
    c_uid: String,
    c_body: String,
    c_at: i64,
}

const RELAYED: [Column; 3] = [("c_uid", "text"), ("c_body", "text"), ("c_at", "bigint")];

#[derive(Serialize)]
struct AppliedRow {
    c_instance: i64,
    c_key: String,
    c_at: i64,
}

const APPLIED: [Column; 3] = [("c_instance", "bigint"), ("c_key", "text"), ("c_at", "bigint")];

#[async_trait]
impl RelayedResults for Store {
    async fn relay_results(&self, results: &[RelayedResult], at: Timestamp) -> Result<(), StoreError> {
        let rows: Vec<RelayedRow> = results
            .iter()
            .map(|result| {
                Ok(RelayedRow {
                    c_uid: result.uid.to_string(),
                    c_body: json(&result.end)?,
                    c_at: at.0,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        let sql = format!(
            "INSERT INTO inbox (instance, dedup_key, kind, body, requested_by, created_at) \
             SELECT a.instance, '{KEY_PREFIX}' || a.dispatch_id, 'result', c_body, coalesce(a.worker_name, ''), c_at \
             FROM {} JOIN attempt a ON a.dispatch_id = c_uid WHERE a.state IN ('created', 'running') \
             ON CONFLICT (instance, dedup_key) DO NOTHING",
            source(self.backend(), &RELAYED)
        );
        self.execute_over_rows(&sql, &rows).await
    }

    async fn list_relayed_results(&self, ids: &[InstanceId]) -> Result<Vec<RelayedResult>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.relayed_results_on(self.reader(), ids).await
    }

    async fn mark_results_applied(&self, uids: &[DispatchId], at: Timestamp) -> Result<(), StoreError> {
        let rows: Vec<AppliedRow> = uids
            .iter()
            .map(|uid| AppliedRow {
                c_instance: uid.instance.0,
                c_key: format!("{KEY_PREFIX}{uid}"),
                c_at: at.0,
            })
            .collect();
        let sql = format!(
            "UPDATE inbox SET applied_at = c_at, outcome = 'applied' FROM {} \
             WHERE instance = c_instance AND dedup_key = c_key AND applied_at IS NULL",
            source(self.backend(), &APPLIED)
        );
        self.execute_over_rows(&sql, &rows).await
    }

    /// Marks relayed results whose attempts are closed. Only the index of unapplied rows is scanned; normally it holds
    /// no such row, and nothing is written.
    async fn close_relayed_results(&self, at: Timestamp) -> Result<(), StoreError> {
        let closed = format!("x.kind = 'result' AND x.applied_at IS NULL AND NOT ({OPEN_RESULT})");
        let sql = format!("SELECT x.id FROM inbox x WHERE {closed} LIMIT 1");
        let found = self.reader().query_one_raw(self.statement(&sql, [])).await;
        if found.map_err(store_error)?.is_none() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE inbox SET applied_at = $1, outcome = 'applied', detail = 'its attempt is closed' \
             WHERE id IN (SELECT x.id FROM inbox x WHERE {closed})"
        );
        let marked = self.writer().execute_raw(self.statement(&sql, [at.0.into()]));
        marked.await.map_err(store_error)?;
        Ok(())
    }
}

impl Store {
    /// Reads results as part of a read that sees one moment.
    pub(crate) async fn relayed_results_on<C: ConnectionTrait>(
        &self,
        connection: &C,
        ids: &[InstanceId],
    ) -> Result<Vec<RelayedResult>, StoreError> {
        let sql = format!(
            "SELECT x.dedup_key, x.body FROM inbox x WHERE {OPEN_RESULT} \
             AND x.instance IN (SELECT c_id FROM {}) ORDER BY x.id",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let list = id_list(ids.iter().map(|id| id.0))?;
        let rows = connection
            .query_all_raw(self.statement(&sql, [list]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_result).collect()
    }

    /// Runs a statement over rows outside of a transaction, unless there are no rows. It may be repeated.
    async fn execute_over_rows<T: Serialize>(&self, sql: &str, rows: &[T]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let parameter = json(&rows)?.into();
        self.writer()
            .execute_raw(self.statement(sql, [parameter]))
            .await
            .map_err(store_error)?;
        Ok(())
    }
}

fn read_result(row: &QueryResult) -> Result<RelayedResult, StoreError> {
    let mut columns = RowReader::new(row);
    let key: String = columns.next_value()?;
    let uid = key.trim_start_matches(KEY_PREFIX).parse().map_err(corrupt)?;
    Ok(RelayedResult {
        uid,
        end: columns.next_json()?,
    })
}
