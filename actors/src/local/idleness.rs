//! Whether a node that drains has anything left to store.

use std::time::{Duration, Instant};

use super::{LocalNode, POLL_INTERVAL};
use crate::messages::IsIdle;
use crate::messages::master::CountInstances;

impl LocalNode {
    /// Waits until nothing is left to be stored: the writer has no work, or no instance is left.
    pub async fn wait_until_idle(&self, within: Duration) {
        let until = Instant::now() + within;
        while Instant::now() < until && !self.is_idle().await {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn is_idle(&self) -> bool {
        let Some(master) = self.master() else { return true };
        self.actors.db.send(IsIdle).await.unwrap_or(false)
            || master.send(CountInstances).await.unwrap_or(0) == 0
    }
}
