//! The door of a node that leaves: closed in an order that cuts nobody off.
//!
//! A port that is simply closed resets the connections that the kernel took and nobody accepted yet. So first no
//! connection begins any more (a client's kernel tries again, and meets a closed port: refused, which is always safe
//! to repeat), then those that had begun are accepted, taken up and answered, and only then the port is closed.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use api::Threads;

/// A handshake that had begun is complete after this time without a new connection. Whoever asks this node more often
/// on a kept connection has also been told by then that it is the last time.
const QUIET: Duration = Duration::from_millis(250);

/// How often is looked whether somebody waits to be accepted.
const LOOK: Duration = Duration::from_millis(10);

/// A node does not stay longer than this for the sake of connections that nobody takes up.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last answers get this time even when the node should be gone already.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Answers everybody who got in, lets nobody else in, and closes; in time, if that is possible at all.
pub(super) async fn close(door: &TcpListener, server: &ServerHandle, threads: &Threads, until: Instant) {
    let left = || until.saturating_duration_since(Instant::now());
    if let Err(error) = admit_no_more(door) {
        tracing::debug!(%error, "the port cannot refuse new connections before it is closed");
    }
    let emptied = async {
        emptied(door).await;
        threads.gone_round().await;
    };
    let patience = PATIENCE.min(left().max(QUIET * 2));
    if tokio::time::timeout(patience, emptied).await.is_err() {
        tracing::warn!("the port is closed while connections wait to be taken up");
    }
    tokio::time::timeout(left().max(LAST_ANSWERS), server.stop(true))
        .await
        .ok();
}

/// Drops each segment that would begin a connection, and no other: handshakes under way come to their end.
#[cfg(target_os = "linux")]
fn admit_no_more(door: &TcpListener) -> std::io::Result<()> {
    use socket2::{SockFilter, SockRef};
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    /// The place of the flags in a TCP header, which is where the kernel lets a socket's filter begin.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const DROP: u32 = 0;
    SockRef::from(door).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_ANY_BIT, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, DROP),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Elsewhere a connection of the last moment may be cut off.
#[cfg(not(target_os = "linux"))]
fn admit_no_more(_: &TcpListener) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Waits until nobody has waited to be accepted for a while.
async fn emptied(door: &TcpListener) {
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < QUIET {
        tokio::time::sleep(LOOK).await;
        if somebody_waits(door) {
            quiet_since = Instant::now();
        }
    }
}

fn somebody_waits(door: &TcpListener) -> bool {
    let mut waiting = [PollFd::new(door.as_fd(), PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
