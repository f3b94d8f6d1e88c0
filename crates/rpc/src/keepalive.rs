//! Socket options by which both ends of a connection notice that the network drops packets.
//!
//! A network that drops packets reports nothing, and a plain socket would wait for hours.

use std::any::Any;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use nix::sys::socket::{setsockopt, sockopt};
use reqwest::ClientBuilder;

/// Time within which sent bytes must be acknowledged, or the connection ends.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(3);

/// Idle time after which the kernel probes a connection.
const PROBE_AFTER: Duration = Duration::from_secs(2);

/// Time between two probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Unanswered probes after which the connection ends.
const PROBE_LIMIT: u32 = 3;

/// Sets the options on the connections that a client will make.
pub(super) fn with_keepalive(client: ClientBuilder) -> ClientBuilder {
    client
        .tcp_user_timeout(UNACKNOWLEDGED_LIMIT)
        .tcp_keepalive(PROBE_AFTER)
        .tcp_keepalive_interval(PROBE_INTERVAL)
        .tcp_keepalive_retries(PROBE_LIMIT)
}

/// Sets the options on a connection that the server has accepted.
pub(super) fn set_keepalive(accepted: &dyn Any) {
    let Some(stream) = accepted.downcast_ref::<TcpStream>() else {
        return;
    };
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let unacknowledged = u32::try_from(UNACKNOWLEDGED_LIMIT.as_millis()).unwrap_or(u32::MAX);
    let set = setsockopt(stream, sockopt::KeepAlive, &true)
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepIdle, &seconds(PROBE_AFTER)))
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepInterval, &seconds(PROBE_INTERVAL)))
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepCount, &PROBE_LIMIT))
        .and_then(|()| setsockopt(stream, sockopt::TcpUserTimeout, &unacknowledged));
    if let Err(error) = set {
        tracing::debug!(%error, "an accepted connection has no keepalive");
    }
}
