//! The world that connections reach, as workers see it.

use async_trait::async_trait;
use engine::connection::ResolvedConnection;
use engine::task_type::ConnectionUse;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// What a test of a connection found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionTest {
    /// Whether it connects and logs in.
    pub ok: bool,
    /// What answered, or what failed, in words.
    pub detail: String,
    /// How long it took.
    pub latency_ms: u64,
    /// The key of the host that was accepted, as a line of known_hosts, when it was not known before.
    #[serde(default)]
    pub accepted_key: Option<String>,
}

impl ConnectionTest {
    /// A test that did not get as far as connecting.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self {
            ok: false,
            detail: detail.into(),
            latency_ms: 0,
            accepted_key: None,
        }
    }
}

/// Why an attempt does not get the connection that its task names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionGap {
    /// It is missing, not granted, of another type, or cannot be opened: no retry helps.
    #[error("{0}")]
    Unusable(String),
    /// The store did not answer; another try may succeed.
    #[error("{0}")]
    Unavailable(StoreError),
}

/// The connections of projects, with their secrets.
#[async_trait]
pub trait ConnectionSource: Send + Sync + 'static {
    /// Returns the connection that a task of a project uses, as it is stored at this moment.
    ///
    /// # Errors
    /// Why the attempt does not get it.
    async fn resolve(
        &self,
        project: &str,
        used: ConnectionUse<'_>,
    ) -> Result<ResolvedConnection, ConnectionGap>;
}

/// Tests connections from this process.
#[async_trait]
pub trait ConnectionTester: Send + Sync + 'static {
    /// Connects and logs in; returns within the limit of a test.
    async fn test(&self, connection: &ResolvedConnection) -> ConnectionTest;
}
