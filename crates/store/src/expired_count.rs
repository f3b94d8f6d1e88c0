//! The counts of what a deletion would delete.

use engine::ids::InstanceId;
use ports::StoreError;
use sea_orm::ConnectionTrait;

use crate::batch_sql::id_list;
use crate::engine::retention_batches::{children_statement, count_statement};
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
        let backend = self.backend();
        let (rows_of, children_of) = (count_statement(backend), children_statement(backend));
        let mut total = ExpiredCount::default();
        // Level by level: a child may have started instances, too.
        let mut level: Vec<i64> = ids.iter().map(|id| id.0).collect();
        while !level.is_empty() {
            let parameter = id_list(level.iter().copied())?;
            let counted = self
                .reader()
                .query_one_raw(self.statement(&rows_of, [parameter.clone()]))
                .await
                .map_err(store_error)?
                .ok_or_else(|| corrupt("a count has no row"))?;
            let rows: i64 = RowReader::new(&counted).next_value()?;
            let instances = u64::try_from(level.len()).map_err(corrupt)?;
            total = total.plus(ExpiredCount {
                instances,
                rows: instances + u64::try_from(rows).map_err(corrupt)?,
            });
            let children = self
                .reader()
                .query_all_raw(self.statement(&children_of, [parameter]))
                .await
                .map_err(store_error)?;
            level = children
                .iter()
                .map(|row| RowReader::new(row).next_value())
                .collect::<Result<_, StoreError>>()?;
        }
        Ok(total)
    }
}
