//! Where logs come from: files of this node, or another node's by way of the cluster.

use async_trait::async_trait;
use engine::ids::Uid;

use crate::runner::logs::{LogFiles, LogPart};

/// The worker that has the log cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log on `{worker}` cannot be read: {cause}")]
pub struct LogUnavailable {
    /// The worker's node name.
    pub worker: String,
    /// For the server's own log.
    pub cause: String,
}

/// Reads logs of attempts wherever they ran.
#[async_trait]
pub trait LogSource: Send + Sync + 'static {
    /// Reads at most `limit` bytes from `offset` on; a log that does not exist is empty.
    ///
    /// # Errors
    /// Try again when the worker is back.
    async fn read(
        &self,
        worker: &str,
        uid: &Uid,
        (offset, limit): (u64, u64),
    ) -> Result<LogPart, LogUnavailable>;
}

/// The files of this node, whichever worker is named: in a standalone node they are the only ones.
#[async_trait]
impl LogSource for LogFiles {
    async fn read(
        &self,
        worker: &str,
        uid: &Uid,
        (offset, limit): (u64, u64),
    ) -> Result<LogPart, LogUnavailable> {
        Self::read(self, uid, offset, limit)
            .await
            .map_err(|error| LogUnavailable {
                worker: worker.to_owned(),
                cause: error.to_string(),
            })
    }
}
