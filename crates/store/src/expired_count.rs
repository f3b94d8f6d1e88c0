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
    /// Logs whose size is known.
    pub known_logs: u64,
    /// Their bytes.
    pub known_bytes: u64,
    /// Logs whose size is not known.
    pub unknown_logs: u64,
}

impl ExpiredCount {
    /// Adds another count.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            instances: self.instances + other.instances,
            rows: self.rows + other.rows,
            known_logs: self.known_logs + other.known_logs,
            known_bytes: self.known_bytes + other.known_bytes,
            unknown_logs: self.unknown_logs + other.unknown_logs,
        }
    }

    /// Returns the bytes of the logs whose size is known; none when there are logs and no size is known.
    pub fn log_bytes(self) -> Option<u64> {
        (self.known_logs > 0 || self.unknown_logs == 0).then_some(self.known_bytes)
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
            let mut columns = RowReader::new(&counted);
            let instances = u64::try_from(level.len()).map_err(corrupt)?;
            total = total.plus(ExpiredCount {
                instances,
                rows: instances + columns.next_u64()?,
                known_logs: columns.next_u64()?,
                known_bytes: columns.next_u64()?,
                unknown_logs: columns.next_u64()?,
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
