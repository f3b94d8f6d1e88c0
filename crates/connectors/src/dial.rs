//! Opens TCP connections to hosts.

use std::time::Duration;

use egress::{EgressPolicy, resolve_host};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::explain_socket;

/// The longest time until a host accepts a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to a host; the error is a sentence for the user.
pub(crate) async fn dial(policy: EgressPolicy, host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = resolve_host(policy, host, port).await?;
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(addresses.as_slice())).await;
    let connected = connected.map_err(|_| format!("{host} does not answer at port {port}"))?;
    let stream = connected.map_err(|error| {
        explain_socket(&error, host, port)
            .unwrap_or_else(|| format!("{host} cannot be reached at port {port}: {error}"))
    })?;
    // What follows is a dialogue of short messages.
    stream.set_nodelay(true).ok();
    Ok(stream)
}
