//! The tasks that failed, as alerts about instances list them.

use std::collections::BTreeMap;

use engine::alert::AlertEvent;
use engine::ids::{InstanceId, TaskIndex};
use engine::spec::Definition;
use ports::StoreError;
use sea_orm::{ConnectionTrait, Statement};

use super::facts::FailedTask;
use super::occurrence::{Occurrence, instance_ids};
use crate::batch_sql::{id_list, source};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;

/// The most failed tasks that an alert lists.
const MAX_FAILED_TASKS: i64 = 20;

/// Returns the name of a task, or its number when its definition cannot be read.
pub(super) fn task_name(definition: Option<&Definition>, index: TaskIndex) -> String {
    definition
        .and_then(|definition| definition.task(index))
        .map_or_else(|| index.to_string(), |task| task.name.clone())
}

/// Whether alerts of an event list the tasks that failed.
pub(super) fn lists_failures(event: AlertEvent) -> bool {
    matches!(
        event,
        AlertEvent::Failed | AlertEvent::Stopped | AlertEvent::Attention
    )
}

/// A task that failed, as it is stored.
pub(super) struct FailedRow {
    task_index: TaskIndex,
    state: String,
    error: Option<String>,
    attempt: Option<u32>,
}

impl FailedRow {
    /// Returns it with its name.
    pub(super) fn named_by(&self, definition: Option<&Definition>) -> FailedTask {
        FailedTask {
            task: task_name(definition, self.task_index),
            attempt: self.attempt,
            state: self.state.clone(),
            error: self.error.clone(),
        }
    }
}

/// Reads the first failed tasks of each instance whose alerts list them.
pub(super) async fn read_failures(
    transaction: &Transaction,
    occurrences: &[Occurrence],
) -> Result<BTreeMap<InstanceId, Vec<FailedRow>>, StoreError> {
    let mut failures: BTreeMap<InstanceId, Vec<FailedRow>> = BTreeMap::new();
    let listed = occurrences
        .iter()
        .filter(|occurrence| lists_failures(occurrence.event));
    let ids = instance_ids(listed);
    if ids.is_empty() {
        return Ok(failures);
    }
    let sql = format!(
        "SELECT f.instance, f.task_index, f.state, f.reason, (SELECT max(a.number) FROM attempt a \
         WHERE a.instance = f.instance AND a.task_index = f.task_index) FROM (SELECT t.instance, t.task_index, t.state, \
         t.reason, row_number() OVER (PARTITION BY t.instance ORDER BY t.task_index) AS place FROM task_instance t \
         WHERE t.instance IN (SELECT c_id FROM {}) AND t.state IN ('failed', 'killed')) AS f \
         WHERE f.place <= $2 ORDER BY f.instance, f.task_index",
        source(transaction.get_database_backend(), &[("c_id", "bigint")])
    );
    let values = [id_list(ids)?, MAX_FAILED_TASKS.into()];
    let backend = transaction.get_database_backend();
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await
        .map_err(store_error)?;
    for row in &rows {
        let mut columns = RowReader::new(row);
        let id = InstanceId(columns.next_value()?);
        let task_index = TaskIndex(columns.next_u32()?);
        let (state, error) = (columns.next_value()?, columns.next_value()?);
        let attempt: Option<i64> = columns.next_value()?;
        failures.entry(id).or_default().push(FailedRow {
            task_index,
            state,
            error,
            attempt: attempt.and_then(|number| u32::try_from(number).ok()),
        });
    }
    Ok(failures)
}
