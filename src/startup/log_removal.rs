//! Removes the logs of deleted instances from the disk of this worker.

use std::time::Duration;

use catalog::{Catalog, CatalogError};
use engine::ids::InstanceId;
use runner::log_files::LogFiles;

/// Time between two reads of the requests. A worker that was away reads at its start what was deleted meanwhile.
const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// Removes what is requested of the worker of this name; never returns.
pub(super) async fn remove_logs_of_deleted_instances(worker: String, catalog: Catalog, logs: LogFiles) {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        loop {
            match remove_next_logs(&worker, &catalog, &logs).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "logs of deleted instances are removed later");
                    break;
                }
            }
        }
    }
}

/// Removes the logs of the next instances, and returns of how many.
async fn remove_next_logs(worker: &str, catalog: &Catalog, logs: &LogFiles) -> Result<usize, CatalogError> {
    let requested = catalog.log_removals().list(worker).await?;
    if requested.is_empty() {
        return Ok(0);
    }
    let logs = logs.clone();
    let removed = tokio::task::spawn_blocking(move || -> Vec<InstanceId> {
        let is_removed = |instance: &InstanceId| logs.remove_instance(*instance).is_ok();
        requested.into_iter().filter(is_removed).collect()
    });
    // Only a runtime that shuts down cancels it.
    let removed = removed.await.unwrap_or_default();
    catalog.log_removals().forget(worker, &removed).await?;
    Ok(removed.len())
}
