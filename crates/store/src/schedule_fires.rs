//! The record of fires that are not started: those in a row are one entry.

use engine::ids::Timestamp;
use engine::schedule::{MAX_COUNTED, SkippedFires};
use ports::StoreError;
use sea_orm::ConnectionTrait;
use serde::Serialize;

use crate::batch_sql::{Column, source};
use crate::batch_statement::{BatchStatement, run_in_order};
use crate::pool::Transaction;
use crate::row_reader::RowReader;

/// Fires in a row of one schedule that are not started.
#[derive(Debug, Clone, Serialize)]
pub struct SkippedRow<'a> {
    c_schedule: i64,
    c_first: i64,
    c_last: i64,
    c_fires: u32,
    c_why: &'a str,
    c_at: i64,
}

const SKIPPED: [Column; 6] = [
    ("c_schedule", "bigint"),
    ("c_first", "bigint"),
    ("c_last", "bigint"),
    ("c_fires", "bigint"),
    ("c_why", "text"),
    ("c_at", "bigint"),
];

impl<'a> SkippedRow<'a> {
    /// Records that these fires of a schedule were skipped, and why.
    pub fn new(schedule_id: i64, run: SkippedFires, why: &'a str, at: Timestamp) -> Self {
        Self {
            c_schedule: schedule_id,
            c_first: run.first.0,
            c_last: run.last.0,
            c_fires: run.count,
            c_why: why,
            c_at: at.0,
        }
    }
}

/// Records skipped fires in the caller's transaction; where the newest entry of a schedule is one of skipped fires, it is
/// extended.
///
/// # Errors
/// As the database reports.
pub async fn record_skipped_fires(
    transaction: &Transaction,
    rows: &[SkippedRow<'_>],
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let source = source(backend, &SKIPPED);
    let extend = format!(
        "UPDATE schedule_fire SET fire_at = c_last, why = c_why, at = c_at, \
         fires = CASE WHEN fires + c_fires > {MAX_COUNTED} THEN {MAX_COUNTED} ELSE fires + c_fires END \
         FROM {source} WHERE schedule_id = c_schedule AND outcome = 'skipped' AND fire_at = \
         (SELECT max(newest.fire_at) FROM schedule_fire newest WHERE newest.schedule_id = c_schedule) \
         RETURNING schedule_id"
    );
    let statement = BatchStatement::over_rows(rows, || extend)?;
    let extended = run_in_order(transaction, statement.into_iter().collect()).await?;
    let extended = extended
        .iter()
        .map(|row| RowReader::new(row).next_value::<i64>())
        .collect::<Result<Vec<_>, _>>()?;
    let new: Vec<&SkippedRow<'_>> = rows
        .iter()
        .filter(|row| !extended.contains(&row.c_schedule))
        .collect();
    let insert = format!(
        "INSERT INTO schedule_fire (schedule_id, fire_at, first_fire_at, outcome, why, fires, at) \
         SELECT c_schedule, c_last, c_first, 'skipped', c_why, c_fires, c_at FROM {source}"
    );
    let statement = BatchStatement::over_rows(&new, || insert)?;
    run_in_order(transaction, statement.into_iter().collect())
        .await
        .map(drop)
}
