//! Closes a listener in an order that resets no connection.
//!
//! Closing a port at once resets the connections that the kernel completed and the server has not accepted. So first the
//! kernel refuses new handshakes (the client's kernel repeats its SYN and meets a closed port: refused, which is always
//! safe to repeat), then the connections that exist are accepted and answered, and only then the port is closed.
//! Decision 20 has the measurements.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use api::Threads;

/// Time without a new connection after which every handshake that had begun is complete.
const QUIET_PERIOD: Duration = Duration::from_millis(250);

/// Pause between two polls of the backlog.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Time that the backlog has to become empty.
const BACKLOG_TIMEOUT: Duration = Duration::from_secs(2);

/// Time that answers in progress have, even after the drain's deadline.
const LAST_ANSWERS_TIMEOUT: Duration = Duration::from_secs(1);

/// Refuses new connections, answers those that exist, and closes; by the deadline where that is possible.
pub(super) async fn close_listener(
    listener: &TcpListener,
    server: &ServerHandle,
    threads: &Threads,
    until: Instant,
) {
    let left = || until.saturating_duration_since(Instant::now());
    if let Err(error) = refuse_new_connections(listener) {
        tracing::debug!(%error, "the port cannot refuse new connections before it is closed");
    }
    let drained = async {
        wait_for_empty_backlog(listener).await;
        threads.quiesce().await;
    };
    let patience = BACKLOG_TIMEOUT.min(left().max(QUIET_PERIOD * 2));
    if tokio::time::timeout(patience, drained).await.is_err() {
        tracing::warn!("the port is closed while connections wait to be accepted");
    }
    tokio::time::timeout(left().max(LAST_ANSWERS_TIMEOUT), server.stop(true))
        .await
        .ok();
}

/// Drops each segment that would begin a connection, and no other: handshakes in progress complete.
#[cfg(target_os = "linux")]
fn refuse_new_connections(listener: &TcpListener) -> std::io::Result<()> {
    use socket2::{SockFilter, SockRef};
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    /// The place of the flags in a TCP header, which is where the kernel lets a socket's filter begin.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const DROP: u32 = 0;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_ANY_BIT, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, DROP),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// On other systems a connection of the last moment may be reset.
#[cfg(not(target_os = "linux"))]
fn refuse_new_connections(_: &TcpListener) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Waits until no connection has waited in the backlog for a while.
async fn wait_for_empty_backlog(listener: &TcpListener) {
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < QUIET_PERIOD {
        tokio::time::sleep(POLL_INTERVAL).await;
        if has_pending_connection(listener) {
            quiet_since = Instant::now();
        }
    }
}

fn has_pending_connection(listener: &TcpListener) -> bool {
    let mut waiting = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
