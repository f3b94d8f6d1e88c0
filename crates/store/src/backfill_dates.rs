//! The dates of a backfill as a whole: what decisions need to know of them, and changes of many at once.

use engine::backfill::{DateState, DateSummary, DateSweep};
use engine::ids::{BackfillId, Timestamp};
use ports::StoreError;
use sea_orm::{ConnectionTrait, Statement};

use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;

/// Changes the dates of a backfill in one statement, however many there are.
///
/// # Errors
/// As the database reports; the transaction cannot be committed then.
pub async fn sweep_backfill_dates(
    transaction: &Transaction,
    backfill: BackfillId,
    sweep: &DateSweep,
    at: Timestamp,
) -> Result<(), StoreError> {
    let states: Vec<String> = DateState::ALL
        .iter()
        .filter(|state| sweep.touches(**state))
        .map(|state| format!("'{state}'"))
        .collect();
    let sql = format!(
        "UPDATE backfill_date SET state = $1, reason = $2, ended_at = $3 WHERE backfill = $4 AND state IN ({})",
        states.join(", ")
    );
    let ended_at = (!sweep.target().is_open()).then_some(at.0);
    let values = [
        sweep.target().as_str().into(),
        sweep.reason().into(),
        ended_at.into(),
        backfill.0.into(),
    ];
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    transaction.execute_raw(statement).await.map_err(store_error)?;
    Ok(())
}

/// Summarises the dates of a backfill.
///
/// # Errors
/// As the database reports.
pub async fn summarise_backfill_dates(
    transaction: &Transaction,
    backfill: BackfillId,
) -> Result<DateSummary, StoreError> {
    let sql = format!("SELECT {} FROM backfill b WHERE b.id = $1", summary_columns());
    let backend = transaction.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, sql, [backfill.0.into()]);
    let row = transaction.query_one_raw(statement).await.map_err(store_error)?;
    row.map_or(Ok(DateSummary::default()), |row| {
        read_summary(&mut RowReader::new(&row))
    })
}

/// Writes the columns of a summary of the dates of `b`; each costs a look into an index, however many dates there are.
pub(crate) fn summary_columns() -> String {
    let has_any = |states: &str| {
        format!(
            "(SELECT count(*) FROM (SELECT 1 FROM backfill_date d WHERE d.backfill = b.id AND d.state {states} \
             LIMIT 1) AS found)"
        )
    };
    let running = "(SELECT count(*) FROM backfill_date d WHERE d.backfill = b.id AND d.state = 'running')";
    [
        has_any("= 'waiting'"),
        running.to_owned(),
        has_any("IN ('failed', 'stopped')"),
        has_any("= 'not_run'"),
    ]
    .join(", ")
}

/// Reads the columns of `summary_columns`.
pub(crate) fn read_summary(columns: &mut RowReader<'_>) -> Result<DateSummary, StoreError> {
    let has_waiting: i64 = columns.next_value()?;
    let running = columns.next_u32()?;
    let has_failed: i64 = columns.next_value()?;
    let has_not_run: i64 = columns.next_value()?;
    Ok(DateSummary {
        has_waiting: has_waiting > 0,
        running,
        has_failed: has_failed > 0,
        has_not_run: has_not_run > 0,
    })
}
