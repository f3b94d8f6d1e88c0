//! What both ends of a connection between nodes set against silence: a network that drops packets tells nobody, and
//! a plain socket would wait for hours.

use std::any::Any;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use nix::sys::socket::{setsockopt, sockopt};
use reqwest::ClientBuilder;

/// What was sent is acknowledged within this time, or the connection ends.
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);

/// An idle connection is asked after this time whether it still is one, so often, and so many times.
const ASK_AFTER: Duration = Duration::from_secs(2);
const ASK_EVERY: Duration = Duration::from_secs(1);
const ASK_TIMES: u32 = 3;

/// Sets it on the connections that a client will make.
pub(super) fn against_silence(client: ClientBuilder) -> ClientBuilder {
    client
        .tcp_user_timeout(UNACKNOWLEDGED)
        .tcp_keepalive(ASK_AFTER)
        .tcp_keepalive_interval(ASK_EVERY)
        .tcp_keepalive_retries(ASK_TIMES)
}

/// Sets it on a connection that the server has taken.
pub(super) fn set_against_silence(taken: &dyn Any) {
    let Some(stream) = taken.downcast_ref::<TcpStream>() else {
        return;
    };
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let unacknowledged = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    let set = setsockopt(stream, sockopt::KeepAlive, &true)
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepIdle, &seconds(ASK_AFTER)))
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepInterval, &seconds(ASK_EVERY)))
        .and_then(|()| setsockopt(stream, sockopt::TcpKeepCount, &ASK_TIMES))
        .and_then(|()| setsockopt(stream, sockopt::TcpUserTimeout, &unacknowledged));
    if let Err(error) = set {
        tracing::debug!(%error, "a connection was taken that may fall silent unnoticed");
    }
}
