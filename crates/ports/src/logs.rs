//! Where logs of attempts are read: files of this node, or another node's by way of the cluster.

use async_trait::async_trait;
use engine::ids::DispatchId;
use serde::{Deserialize, Serialize};

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    /// The bytes from the requested offset on, at most as many as requested; base64 in JSON.
    #[serde(with = "base64_text")]
    pub bytes: Vec<u8>,
    /// Where the next part begins.
    pub next_offset: u64,
    /// The size of the file now.
    pub size: u64,
}

impl LogPart {
    /// Returns the part of a log that does not exist.
    pub fn nothing_at(offset: u64) -> Self {
        Self {
            bytes: Vec::new(),
            next_offset: offset,
            size: 0,
        }
    }
}

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
pub trait LogSource: std::fmt::Debug + Send + Sync + 'static {
    /// Reads at most `limit` bytes from `offset` on; a log that does not exist is empty.
    ///
    /// # Errors
    /// Try again when the worker is back.
    async fn read(
        &self,
        worker: &str,
        uid: &DispatchId,
        (offset, limit): (u64, u64),
    ) -> Result<LogPart, LogUnavailable>;
}

/// Knows how large the logs of attempts are that ran on this node.
#[async_trait]
pub trait LogSizes: std::fmt::Debug + Send + Sync + 'static {
    /// Returns the size of a log in bytes, 0 for one that does not exist; none when it cannot be read in time.
    async fn size(&self, uid: &DispatchId) -> Option<u64>;
}

/// Bytes as base64 text.
mod base64_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(de::Error::custom)
    }
}
