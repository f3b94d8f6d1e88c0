//! The counts of what a deletion would delete.

use engine::ids::InstanceId;
use ports::StoreError;
use sea_orm::ConnectionTrait;

use crate::batch_sql::id_list;
use crate::engine::retention_batches::count_statement;
use crate::error::store_error;
use crate::row_reader::{RowReader, corrupt};
use crate::store::Store;

/// How much would be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpiredCount {
    /// Instances.
    pub instances: u64,
    /// Rows of all tables, those of instances included.
    pub rows: u64,
}

impl ExpiredCount {
    /// Adds another count.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            instances: self.instances + other.instances,
            rows: self.rows + other.rows,
        }
    }
}

impl Store {
    /// Counts these instances and what goes with them: their rows, and what they started.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn count_expired(&self, ids: &[InstanceId]) -> Result<ExpiredCount, StoreError> {
        let parameter = id_list(ids.iter().map(|id| id.0))?;
        let row = self
            .reader()
            .query_one_raw(self.statement(&count_statement(self.backend()), [parameter]))
            .await
            .map_err(store_error)?
            .ok_or_else(|| corrupt("a count has no row"))?;
        let mut columns = RowReader::new(&row);
        let (instances, others): (i64, i64) = (columns.next_value()?, columns.next_value()?);
        let count = |number: i64| u64::try_from(number).map_err(corrupt);
        Ok(ExpiredCount {
            instances: count(instances)?,
            rows: count(instances.saturating_add(others))?,
        })
    }
}
