//! The statements of deletions: which instances may go, and their rows a few at a time.

use engine::ids::{InstanceId, Timestamp};
use engine::states::InstanceState;
use ports::{AgedRows, DeletedBatch, EndedInstance, ExpirySelection, RetentionRunId, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::batch_sql::{id_list, row_lock, source};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// The most deleted instances whose rows are looked at in one batch.
const PURGED_AT_ONCE: u32 = 200;

/// Tables whose rows go with their instance, each with its key.
pub(crate) const INSTANCE_TABLES: [(&str, &str); 8] = [
    ("attempt", "instance, task_index, number"),
    ("attempt_secret", "instance, task_index, number, value_id"),
    ("task_instance", "instance, task_index"),
    ("transition", "id"),
    ("inbox", "id"),
    ("owner_log", "instance, epoch"),
    ("instance_label", "instance, name"),
    ("schedule_fire", "schedule_id, fire_at"),
];

/// Writes the condition that a query finds nothing. A scalar subquery is a look into an index for each row; an anti-join
/// may be planned as a scan of a whole table.
fn finds_nothing(query: &str) -> String {
    format!("({query} LIMIT 1) IS NULL")
}

/// Writes the condition that a column is among the ids of the JSON array `$1`. PostgreSQL looks an array up in an
/// index, however it estimates the rows of a function.
fn is_listed(backend: DbBackend, column: &str) -> String {
    let ids = format!("SELECT c_id FROM {}", source(backend, &[("c_id", "bigint")]));
    if backend == DbBackend::Sqlite {
        format!("{column} IN ({ids})")
    } else {
        format!("{column} = ANY (ARRAY({ids}))")
    }
}

/// Writes the condition of an instance `i` that nothing needs any more, whenever it ended.
fn is_at_rest() -> String {
    format!(
        "i.owner IS NULL AND i.state IN ({}) AND {}",
        final_states(),
        finds_nothing(
            "SELECT 1 FROM inbox x WHERE x.instance = i.id AND x.applied_at IS NULL AND x.kind = 'command'"
        )
    )
}

/// Writes the condition of a backfill `b` that is running or paused.
fn is_open_backfill() -> &'static str {
    "(b.control = 'paused' OR (b.control = 'active' AND EXISTS (SELECT 1 FROM backfill_date d \
     WHERE d.backfill = b.id AND d.state IN ('waiting', 'running'))))"
}

/// Writes the condition of an instance `i` that does not go with another one.
pub(crate) fn is_deletable() -> String {
    let open_child = format!(
        "SELECT 1 FROM instance c WHERE c.parent = i.id AND c.state NOT IN ({})",
        final_states()
    );
    let open_backfill = format!(
        "SELECT 1 FROM backfill b WHERE b.id = i.backfill AND {}",
        is_open_backfill()
    );
    [
        is_at_rest(),
        finds_nothing("SELECT 1 FROM instance p WHERE p.id = i.parent"),
        finds_nothing(&open_child),
        finds_nothing(&open_backfill),
    ]
    .join(" AND ")
}

fn final_states() -> String {
    quoted(InstanceState::ALL.iter().filter(|state| state.is_final()))
}

fn quoted<'a>(states: impl Iterator<Item = &'a InstanceState>) -> String {
    states
        .map(|state| format!("'{state}'"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Lists the next expired instances of a project.
pub(crate) fn list_expired_statement(
    store: &Store,
    selection: &ExpirySelection,
    after: Option<EndedInstance>,
    limit: u32,
) -> Statement {
    let after = after.unwrap_or(EndedInstance {
        ended_at: Timestamp(i64::MIN),
        id: InstanceId(0),
    });
    let sql = format!(
        "SELECT i.ended_at, i.id FROM instance i WHERE i.project_id = $1 AND i.ended_at <= $2 \
         AND (i.ended_at, i.id) > ($3, $4) AND i.state IN ({}) AND {} ORDER BY i.ended_at, i.id LIMIT $5",
        quoted(selection.states.iter()),
        is_deletable()
    );
    let values = [
        selection.project.into(),
        selection.ended_before.0.into(),
        after.ended_at.0.into(),
        after.id.0.into(),
        i64::from(limit).into(),
    ];
    store.statement(&sql, values)
}

/// Deletes the rows of those instances that may be deleted now; returns how many.
pub(crate) async fn delete_instance_rows(
    transaction: &Transaction,
    run: RetentionRunId,
    ids: &[InstanceId],
) -> Result<u64, StoreError> {
    delete_under_condition(transaction, run, ids, &is_deletable()).await
}

async fn delete_under_condition(
    transaction: &Transaction,
    run: RetentionRunId,
    ids: &[InstanceId],
    condition: &str,
) -> Result<u64, StoreError> {
    let backend = transaction.get_database_backend();
    let listed = is_listed(backend, "i.id");
    // The lock first: a command that is being posted is then either visible, or finds nothing.
    let sql = format!(
        "SELECT i.id FROM instance i WHERE {listed} ORDER BY i.id{}",
        row_lock(backend, "FOR UPDATE")
    );
    let parameter = id_list(ids.iter().map(|id| id.0))?;
    transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [parameter.clone()]))
        .await
        .map_err(store_error)?;
    let sql = format!(
        "INSERT INTO instance_purge (instance, run) SELECT i.id, $2 FROM instance i \
         WHERE {listed} AND {condition} ON CONFLICT (instance) DO NOTHING"
    );
    let noted = Statement::from_sql_and_values(backend, sql, [parameter.clone(), run.0.into()]);
    transaction.execute_raw(noted).await.map_err(store_error)?;
    let sql = format!(
        "DELETE FROM instance WHERE {} \
         AND (SELECT p.run FROM instance_purge p WHERE p.instance = instance.id) IS NOT NULL",
        is_listed(backend, "id")
    );
    let done = transaction
        .execute_raw(Statement::from_sql_and_values(backend, sql, [parameter]))
        .await
        .map_err(store_error)?;
    Ok(done.rows_affected())
}

/// Deletes rows of deleted instances, at most `limit`; returns the run that they belong to.
pub(crate) async fn purge_rows(
    transaction: &Transaction,
    limit: u32,
) -> Result<(RetentionRunId, DeletedBatch), StoreError> {
    let (run, ids) = next_purges(transaction).await?;
    let mut deleted = DeletedBatch::default();
    let mut left = u64::from(limit);
    for (table, key) in INSTANCE_TABLES {
        if ids.is_empty() || left == 0 {
            break;
        }
        let rows = delete_table_rows(transaction, (table, key), &ids, left).await?;
        deleted.rows += rows;
        left -= rows.min(left);
    }
    if left > 0 && !ids.is_empty() {
        let children = list_children(transaction, &ids, left).await?;
        let count = delete_under_condition(transaction, run, &children, &is_at_rest()).await?;
        deleted.instances += count;
        deleted.rows += count;
        left -= count.min(left);
    }
    if left > 0 && !ids.is_empty() {
        let listed = is_listed(transaction.get_database_backend(), "instance");
        let sql = format!("DELETE FROM instance_purge WHERE {listed}");
        run_over_ids(transaction, sql, &ids).await?;
    }
    Ok((run, deleted))
}

/// Returns deleted instances of one run whose rows are still there.
async fn next_purges(transaction: &Transaction) -> Result<(RetentionRunId, Vec<InstanceId>), StoreError> {
    let backend = transaction.get_database_backend();
    let sql = "SELECT run, instance FROM instance_purge ORDER BY instance LIMIT $1";
    let values = [i64::from(PURGED_AT_ONCE).into()];
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await
        .map_err(store_error)?;
    let purges: Vec<(i64, i64)> = rows
        .iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok((columns.next_value()?, columns.next_value()?))
        })
        .collect::<Result<_, StoreError>>()?;
    let run = purges.first().map_or(ports::SWEEP.0, |(run, _)| *run);
    let ids = purges.iter().filter(|(of, _)| *of == run);
    Ok((
        RetentionRunId(run),
        ids.map(|(_, instance)| InstanceId(*instance)).collect(),
    ))
}

async fn delete_table_rows(
    transaction: &Transaction,
    (table, key): (&str, &str),
    ids: &[InstanceId],
    limit: u64,
) -> Result<u64, StoreError> {
    let backend = transaction.get_database_backend();
    let listed = is_listed(backend, "instance");
    let sql = if backend == DbBackend::Sqlite {
        format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {listed} LIMIT {limit})"
        )
    } else {
        // Found rows are deleted by their place, without a second search.
        format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {listed} LIMIT {limit}))"
        )
    };
    run_over_ids(transaction, sql, ids).await
}

/// Lists the instances that deleted ones started, at most `limit`.
async fn list_children(
    transaction: &Transaction,
    ids: &[InstanceId],
    limit: u64,
) -> Result<Vec<InstanceId>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!("{} LIMIT {limit}", children_statement(backend));
    let parameter = id_list(ids.iter().map(|id| id.0))?;
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [parameter]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| Ok(InstanceId(RowReader::new(row).next_value()?)))
        .collect()
}

/// Runs a statement over ids; returns the number of rows that it changed.
async fn run_over_ids(transaction: &Transaction, sql: String, ids: &[InstanceId]) -> Result<u64, StoreError> {
    let backend = transaction.get_database_backend();
    let parameter = id_list(ids.iter().map(|id| id.0))?;
    let done = transaction
        .execute_raw(Statement::from_sql_and_values(backend, sql, [parameter]))
        .await
        .map_err(store_error)?;
    Ok(done.rows_affected())
}

/// Deletes rows of a kind, the oldest first.
pub(crate) fn aged_rows_statement(
    store: &Store,
    rows: AgedRows,
    older_than: Timestamp,
    limit: u32,
) -> Statement {
    let sql = match rows {
        AgedRows::Backfills => return expired_backfills_statement(store, older_than, limit),
        AgedRows::BackfillDates => return purged_rows_statement(store, PURGED_DATES, limit),
        AgedRows::BackfillPurges => return purged_rows_statement(store, ENDED_PURGES, limit),
        AgedRows::Fires => {
            "DELETE FROM schedule_fire WHERE (schedule_id, fire_at) IN (SELECT f.schedule_id, f.fire_at \
             FROM schedule_fire f WHERE f.at <= $1 \
             AND (SELECT 1 FROM instance i WHERE i.id = f.instance) IS NULL ORDER BY f.at LIMIT $2)"
        }
        // Rows of the audit log are appended: the lowest ids are the oldest.
        AgedRows::Audit => {
            "DELETE FROM audit WHERE id IN \
             (SELECT o.id FROM (SELECT id, at FROM audit ORDER BY id LIMIT $2) o WHERE o.at <= $1)"
        }
        AgedRows::LogRemovals => {
            "DELETE FROM log_removal WHERE (worker_name, instance) IN (SELECT worker_name, instance \
             FROM log_removal WHERE requested_at <= $1 ORDER BY requested_at LIMIT $2)"
        }
        AgedRows::RetentionRuns => {
            "DELETE FROM retention_run WHERE id IN \
             (SELECT id FROM retention_run WHERE ended_at <= $1 ORDER BY id LIMIT $2)"
        }
        AgedRows::SecretValues => {
            "DELETE FROM secret_value WHERE id IN (SELECT v.id FROM secret_value v WHERE v.replaced_at <= $1 \
             AND (SELECT a.value_id FROM attempt_secret a WHERE a.value_id = v.id LIMIT 1) IS NULL \
             ORDER BY v.replaced_at LIMIT $2)"
        }
        AgedRows::SecretRotations => {
            "DELETE FROM secret_rotation WHERE id IN \
             (SELECT id FROM secret_rotation WHERE ended_at <= $1 ORDER BY id LIMIT $2)"
        }
        AgedRows::BulkOperations => {
            "DELETE FROM bulk_operation WHERE id IN \
             (SELECT id FROM bulk_operation WHERE ended_at <= $1 ORDER BY id LIMIT $2)"
        }
    };
    store.statement(sql, [older_than.0.into(), i64::from(limit).into()])
}

/// Deletes dates of backfills that are gone, in their order.
const PURGED_DATES: &str = "DELETE FROM backfill_date WHERE (backfill, position) IN \
    (SELECT d.backfill, d.position FROM backfill_purge p JOIN backfill_date d ON d.backfill = p.backfill \
    ORDER BY d.backfill, d.position LIMIT $1)";

/// Forgets backfills whose dates are gone.
const ENDED_PURGES: &str = "DELETE FROM backfill_purge WHERE backfill IN (SELECT p.backfill FROM backfill_purge p \
    WHERE NOT EXISTS (SELECT 1 FROM backfill_date d WHERE d.backfill = p.backfill) ORDER BY p.backfill LIMIT $1)";

fn purged_rows_statement(store: &Store, sql: &str, limit: u32) -> Statement {
    store.statement(sql, [i64::from(limit).into()])
}

/// Deletes the oldest backfills that ended and have no instance left; a trigger notes that their dates are to go.
fn expired_backfills_statement(store: &Store, older_than: Timestamp, limit: u32) -> Statement {
    let sql = format!(
        "DELETE FROM backfill WHERE id IN (SELECT b.id FROM backfill b WHERE b.created_at <= $1 AND NOT {} \
         AND NOT EXISTS (SELECT 1 FROM instance i WHERE i.backfill = b.id) \
         AND NOT EXISTS (SELECT 1 FROM backfill_date d WHERE d.backfill = b.id AND d.ended_at > $1) \
         ORDER BY b.id LIMIT $2)",
        is_open_backfill()
    );
    store.statement(&sql, [older_than.0.into(), i64::from(limit).into()])
}

/// Counts the rows of other tables that belong to the instances of the list `$1`, and their logs: those of known size,
/// the bytes of these, and the others. An attempt that no worker had has no log.
pub(crate) fn count_statement(backend: DbBackend) -> String {
    let listed = is_listed(backend, "instance");
    let counts = INSTANCE_TABLES.map(|(table, _)| format!("(SELECT count(*) FROM {table} WHERE {listed})"));
    format!(
        "SELECT {}, known_logs, known_bytes, unknown_logs FROM (SELECT count(log_bytes) AS known_logs, \
         CAST(coalesce(sum(log_bytes), 0) AS BIGINT) AS known_bytes, \
         count(*) - count(log_bytes) AS unknown_logs \
         FROM attempt WHERE {listed} AND dispatch_id IS NOT NULL) l",
        counts.join(" + ")
    )
}

/// Lists the instances that those of the list `$1` started and that go with them.
pub(crate) fn children_statement(backend: DbBackend) -> String {
    format!(
        "SELECT i.id FROM instance i WHERE {} AND {} ORDER BY i.id",
        is_listed(backend, "i.parent"),
        is_at_rest()
    )
}
