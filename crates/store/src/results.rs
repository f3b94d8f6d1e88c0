//! Results that came to another master than the owner: kept in the inbox until the owner has applied them.

use actors::ports::{RelayedResult, StoreError};
use engine::ids::{InstanceId, Millis, Uid};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;

use super::rows::{Cells, Column, damaged, id_list, json, source};
use super::{Store, store_error};

/// What stands before the uid in the key of a kept result.
const KEY: &str = "result/";

/// The condition of an unapplied row `x` of the inbox that holds the result of an open attempt. What was kept for
/// an attempt that is closed by now has no effect any more.
pub(super) const OPEN_RESULT: &str = "x.kind = 'result' AND x.applied_at IS NULL AND EXISTS (SELECT 1 FROM attempt a \
     WHERE a.uid = substr(x.dedup_key, 8) AND a.instance = x.instance AND a.state IN ('created', 'running'))";

#[derive(Serialize)]
struct Kept {
    c_uid: String,
    c_body: String,
    c_at: i64,
}

const KEPT: [Column; 3] = [("c_uid", "text"), ("c_body", "text"), ("c_at", "bigint")];

#[derive(Serialize)]
struct Applied {
    c_instance: i64,
    c_key: String,
    c_at: i64,
}

const APPLIED: [Column; 3] = [("c_instance", "bigint"), ("c_key", "text"), ("c_at", "bigint")];

impl Store {
    /// Keeps the results of attempts that are open; the others are dropped.
    pub(super) async fn relay_results(&self, results: &[RelayedResult], at: Millis) -> Result<(), StoreError> {
        let rows: Vec<Kept> = results
            .iter()
            .map(|result| {
                Ok(Kept {
                    c_uid: result.uid.to_string(),
                    c_body: json(&result.end)?,
                    c_at: at.0,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        let sql = format!(
            "INSERT INTO inbox (instance, dedup_key, kind, body, requested_by, created_at) \
             SELECT a.instance, '{KEY}' || a.uid, 'result', c_body, coalesce(a.worker_name, ''), c_at \
             FROM {} JOIN attempt a ON a.uid = c_uid WHERE a.state IN ('created', 'running') \
             ON CONFLICT (instance, dedup_key) DO NOTHING",
            source(self.backend(), &KEPT)
        );
        self.run_bulk(&sql, &rows).await
    }

    /// Reads the kept results of open attempts of several instances, in the order in which they came.
    pub(super) async fn list_relayed_results(&self, ids: &[InstanceId]) -> Result<Vec<RelayedResult>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.kept_on(self.reader(), ids).await
    }

    /// The same as part of a read that sees one moment.
    pub(super) async fn kept_on<C: ConnectionTrait>(
        &self,
        connection: &C,
        ids: &[InstanceId],
    ) -> Result<Vec<RelayedResult>, StoreError> {
        let sql = format!(
            "SELECT x.dedup_key, x.body FROM inbox x WHERE {OPEN_RESULT} \
             AND x.instance IN (SELECT c_id FROM {}) ORDER BY x.id",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let asked = id_list(ids.iter().map(|id| id.0))?;
        let rows = connection
            .query_all_raw(self.statement(&sql, [asked]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_result).collect()
    }

    /// Marks kept results as applied.
    pub(super) async fn mark_results_applied(&self, uids: &[Uid], at: Millis) -> Result<(), StoreError> {
        let rows: Vec<Applied> = uids
            .iter()
            .map(|uid| Applied {
                c_instance: uid.instance.0,
                c_key: format!("{KEY}{uid}"),
                c_at: at.0,
            })
            .collect();
        let sql = format!(
            "UPDATE inbox SET applied_at = c_at, outcome = 'applied' FROM {} \
             WHERE instance = c_instance AND dedup_key = c_key AND applied_at IS NULL",
            source(self.backend(), &APPLIED)
        );
        self.run_bulk(&sql, &rows).await
    }

    /// Marks kept results whose attempts are closed. What is looked through is the index of unapplied rows; normally
    /// it holds nothing of the kind, and nothing is written.
    pub(super) async fn close_relayed_results(&self, at: Millis) -> Result<(), StoreError> {
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

    /// Runs a statement over rows by itself, unless there are no rows. Both kinds may be repeated.
    async fn run_bulk<T: Serialize>(&self, sql: &str, rows: &[T]) -> Result<(), StoreError> {
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
    let mut cells = Cells::of(row);
    let key: String = cells.take()?;
    let uid = key.trim_start_matches(KEY).parse().map_err(damaged)?;
    Ok(RelayedResult {
        uid,
        end: cells.json()?,
    })
}
