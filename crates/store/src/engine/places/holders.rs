//! Holders of places that other instances replace.

use engine::ids::{Incarnation, InstanceId, Timestamp};
use engine::states::Command;
use ports::{StoppingHolder, StoreError};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde::Serialize;

use crate::batch_sql::{Column, source};
use crate::batch_statement::run_over_rows;
use crate::engine::places::rows::{HELD, WorkflowKey};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;

/// Who requests the stop of an instance that another one replaces.
const SYSTEM: &str = "system";

/// A holder of a place, and whether it will give the place back.
pub(crate) struct PlaceHolder {
    id: InstanceId,
    owner: Option<Incarnation>,
    run: i64,
    is_stopping: bool,
}

/// Reads the holders of a key, the oldest first.
pub(crate) async fn list_holders(
    transaction: &Transaction,
    (workflow, key): &WorkflowKey,
) -> Result<Vec<PlaceHolder>, StoreError> {
    let sql = format!(
        "SELECT i.id, i.owner, i.run, i.state = 'stopping' OR EXISTS (SELECT 1 FROM inbox x WHERE x.instance = i.id \
         AND x.applied_at IS NULL AND x.command = '{}' AND x.run = i.run) \
         FROM place p JOIN instance i ON i.id = p.instance \
         WHERE p.workflow_id = $1 AND p.key = $2 AND p.state = $3 ORDER BY i.id",
        Command::Stop
    );
    let values: [Value; 3] = [(*workflow).into(), key.clone().into(), HELD.into()];
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let rows = transaction.query_all_raw(statement).await.map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok(PlaceHolder {
                id: InstanceId(columns.next_value()?),
                owner: columns.next_value::<Option<i64>>()?.map(Incarnation),
                run: columns.next_value()?,
                is_stopping: columns.next_value()?,
            })
        })
        .collect()
}

#[derive(Serialize)]
struct StopRow {
    instance: i64,
    run: i64,
    dedup_key: String,
    reason: String,
    created_at: i64,
}

const STOP: [Column; 5] = [
    ("instance", "bigint"),
    ("run", "bigint"),
    ("dedup_key", "text"),
    ("reason", "text"),
    ("created_at", "bigint"),
];

/// Puts a stop into the inboxes of the first of these holders, until `needed` of all are stopping.
pub(crate) async fn stop_holders(
    transaction: &Transaction,
    holders: &[PlaceHolder],
    needed: usize,
    (by, at): (InstanceId, Timestamp),
) -> Result<Vec<StoppingHolder>, StoreError> {
    let stopping = holders.iter().filter(|holder| holder.is_stopping).count();
    let chosen: Vec<&PlaceHolder> = holders
        .iter()
        .filter(|holder| !holder.is_stopping)
        .take(needed.saturating_sub(stopping))
        .collect();
    let rows: Vec<StopRow> = chosen
        .iter()
        .map(|holder| StopRow {
            instance: holder.id.0,
            run: holder.run,
            dedup_key: format!("replaced-by-{by}-at-{}", at.0),
            reason: format!("replaced by {by}"),
            created_at: at.0,
        })
        .collect();
    let rows_of = source(transaction.get_database_backend(), &STOP);
    run_over_rows(transaction, &rows, || {
        format!(
            "INSERT INTO inbox (instance, run, dedup_key, kind, command, reason, requested_by, created_at) \
             SELECT instance, run, dedup_key, 'command', '{}', reason, '{SYSTEM}', created_at FROM {rows_of} \
             WHERE true ON CONFLICT DO NOTHING",
            Command::Stop
        )
    })
    .await?;
    let stopping = chosen.into_iter().map(|holder| StoppingHolder {
        id: holder.id,
        owner: holder.owner,
    });
    Ok(stopping.collect())
}
