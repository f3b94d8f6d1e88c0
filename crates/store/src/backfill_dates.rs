//! Dates of a backfill that change together.

use engine::backfill::DateState;
use engine::backfill::DateSweep;
use engine::ids::{BackfillId, Timestamp};
use ports::StoreError;
use sea_orm::{ConnectionTrait, Statement};

use crate::error::store_error;
use crate::pool::Transaction;

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
