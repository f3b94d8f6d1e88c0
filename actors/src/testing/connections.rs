//! A world without connections.

use async_trait::async_trait;
use engine::connection::ResolvedConnection;
use engine::task_type::ConnectionUse;
use ports::connections::{ConnectionGap, ConnectionSource, ConnectionTest, ConnectionTester};

/// Has no connection, and tests none.
#[derive(Debug, Clone, Copy)]
pub struct NoConnections;

#[async_trait]
impl ConnectionSource for NoConnections {
    async fn resolve(&self, _: &str, used: ConnectionUse<'_>) -> Result<ResolvedConnection, ConnectionGap> {
        Err(ConnectionGap::Unusable(format!(
            "there is no connection `{}`",
            used.name
        )))
    }
}

#[async_trait]
impl ConnectionTester for NoConnections {
    async fn test(&self, _: &ResolvedConnection) -> ConnectionTest {
        ConnectionTest::failed("there are no connections here")
    }
}
