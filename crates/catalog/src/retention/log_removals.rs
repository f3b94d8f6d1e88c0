//! The logs that workers have to remove because their instances were deleted.

use engine::ids::InstanceId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::entity::log_removal;
use crate::error::CatalogError;
use store::Store;

/// Most requests that a worker reads at a time.
const MAX_REQUESTS: u64 = 1_000;

/// The requests to remove logs; the database makes them when an instance is deleted, for each worker that it used.
#[derive(Debug, Clone, Copy)]
pub struct LogRemovals<'a> {
    store: &'a Store,
}

impl<'a> LogRemovals<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists the next instances whose logs the worker of this name has to remove.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list(self, worker: &str) -> Result<Vec<InstanceId>, CatalogError> {
        let instances: Vec<i64> = log_removal::Entity::find()
            .select_only()
            .column(log_removal::Column::Instance)
            .filter(log_removal::Column::WorkerName.eq(worker))
            .order_by_asc(log_removal::Column::Instance)
            .limit(MAX_REQUESTS)
            .into_tuple()
            .all(self.store.reader())
            .await?;
        Ok(instances.into_iter().map(InstanceId).collect())
    }

    /// Forgets requests: the logs are removed.
    ///
    /// # Errors
    /// `Unavailable`: try again; removing the logs twice is harmless.
    pub async fn forget(self, worker: &str, instances: &[InstanceId]) -> Result<(), CatalogError> {
        let transaction = self.store.begin().await?;
        log_removal::Entity::delete_many()
            .filter(log_removal::Column::WorkerName.eq(worker))
            .filter(log_removal::Column::Instance.is_in(instances.iter().map(|instance| instance.0)))
            .exec(&transaction)
            .await?;
        Ok(self.store.commit(transaction).await?)
    }
}
