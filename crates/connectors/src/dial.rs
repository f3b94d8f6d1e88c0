//! Opens TCP connections to hosts.

use std::io::{self, ErrorKind};

use egress::{EgressPolicy, resolve_host};
use tokio::net::TcpStream;

/// Connects to a host; the error is a sentence for the user.
pub(crate) async fn dial(policy: EgressPolicy, host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = resolve_host(policy, host, port).await?;
    let stream = TcpStream::connect(addresses.as_slice()).await;
    let stream = stream.map_err(|error| explain(&error, host, port))?;
    // What follows is a dialogue of short messages.
    stream.set_nodelay(true).ok();
    Ok(stream)
}

fn explain(error: &io::Error, host: &str, port: u16) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("nothing listens at port {port} of {host}"),
        ErrorKind::TimedOut => format!("{host} does not answer at port {port}"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("there is no way to {host} from this worker")
        }
        _ => format!("{host} cannot be reached at port {port}: {error}"),
    }
}
