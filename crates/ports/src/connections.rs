//! The world that connections reach, as workers see it.

use async_trait::async_trait;
use engine::connection::ResolvedConnection;
use serde::{Deserialize, Serialize};

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

/// Tests connections from this process.
#[async_trait]
pub trait ConnectionTester: Send + Sync + 'static {
    /// Connects and logs in; returns within the limit of a test.
    async fn test(&self, connection: &ResolvedConnection) -> ConnectionTest;
}
