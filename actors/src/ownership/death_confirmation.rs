//! The witness of a death: database heartbeats that are missing.
//!
//! A suspect whose heartbeats continue is alive, whatever the registry and the pings show. They only decide how long a
//! heartbeat must be missing. A new incarnation of a node ends the old one in the transaction of its join.

use std::time::Duration;

use engine::ids::Incarnation;
use tokio::time::Instant;

use crate::ownership::heartbeat_watch::{HeartbeatWatch, READ_INTERVAL};
use ports::rpc::client::{PingOutcome, RpcClient};
use ports::{MemberStatus, MembershipStore, Registry, StoreError};

/// Silence that confirms the death of a suspect whose address takes no calls of its incarnation: a process that runs
/// stores a heartbeat every 500 ms.
const SILENCE_OF_REFUSED: Duration = Duration::from_millis(900);

/// Silence that confirms the death of a suspect that answers nothing, and that the registry misses too.
const SILENCE_OF_UNREACHABLE: Duration = Duration::from_secs(2);

/// Silence that confirms the death of a suspect that answers pings, and that the registry misses.
const SILENCE_OF_ANSWERING: Duration = Duration::from_secs(4);

/// Silence that confirms the death of a suspect that answers nothing while the registry cannot be used.
const SILENCE_WITHOUT_REGISTRY: Duration = Duration::from_secs(30);

/// The pause between two pings.
const PING_PAUSE: Duration = Duration::from_millis(200);

/// Why a member is suspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SuspicionCause {
    /// The registry does not show it.
    NotShown,
    /// A connection to it was refused or reset.
    ConnectionLost,
    /// The registry cannot be used, and its last heartbeat is very old.
    HeartbeatOnly,
}

/// What is known of a suspect before the witnesses are asked.
#[derive(Debug, Clone)]
pub(crate) struct FailureEvidence {
    /// Why it is suspected.
    pub(crate) cause: SuspicionCause,
    /// Its row.
    pub(crate) suspect: MemberStatus,
    /// Shortest time for which its heartbeats are watched.
    pub(crate) watch_time: Duration,
}

/// What the witnesses show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// It is dead.
    Dead {
        /// What shows it, in readable text.
        reason: String,
        /// The number of heartbeats after which none was seen.
        heartbeats: i64,
    },
    /// Its row says that it has ended.
    Ended,
    /// It is alive.
    Alive,
    /// The witnesses do not show it, for this reason.
    Unknown(String),
}

/// What the answers to pings require.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PingVerdict {
    /// It is alive.
    Alive,
    /// They prove nothing, for this reason.
    Unknown(&'static str),
    /// It is dead if it stores no heartbeat for this time.
    DeadAfter(Duration, &'static str),
}

/// What is asked about a suspect.
#[derive(Clone, Copy)]
pub(crate) struct Witnesses<'a> {
    /// Shows its heartbeats.
    pub(crate) store: &'a dyn MembershipStore,
    /// Read again past every cache when it misses the suspect.
    pub(crate) registry: &'a dyn Registry,
    /// Sends the pings.
    pub(crate) rpc: &'a RpcClient,
}

/// Asks the witnesses. Neither the registry nor a refused connection ever decides.
///
/// # Errors
/// When the heartbeats cannot be read.
pub(crate) async fn confirm_death(
    witnesses: Witnesses<'_>,
    evidence: &FailureEvidence,
) -> Result<Liveness, StoreError> {
    let suspect = evidence.suspect.member.incarnation;
    let origin = Instant::now();
    let Some(first) = witnesses.store.read_heartbeat(suspect).await? else {
        return Ok(Liveness::Ended);
    };
    let mut watch = HeartbeatWatch::new(first, origin.elapsed(), evidence.watch_time);
    if evidence.cause == SuspicionCause::NotShown {
        match witnesses.registry.confirm().await {
            Ok(view) if view.present.contains(&suspect) => return Ok(Liveness::Alive),
            Ok(_) => {}
            Err(error) => return Ok(Liveness::Unknown(error.to_string())),
        }
    }
    let pings = send_pings(witnesses.rpc, evidence).await;
    let (required, reason) = match evaluate_pings(evidence.cause, suspect, &pings) {
        PingVerdict::DeadAfter(required, reason) => (required, reason),
        PingVerdict::Alive => return Ok(Liveness::Alive),
        PingVerdict::Unknown(reason) => return Ok(Liveness::Unknown(reason.to_owned())),
    };
    loop {
        let requested_at = origin.elapsed();
        let Some(reading) = witnesses.store.read_heartbeat(suspect).await? else {
            return Ok(Liveness::Ended);
        };
        let now = origin.elapsed();
        if watch.is_continued_by(reading) {
            return Ok(Liveness::Alive);
        }
        watch.record_answer(requested_at, now);
        let Some(remaining) = watch.remaining(now, required) else {
            let silence = watch.silence(now).as_millis();
            return Ok(Liveness::Dead {
                reason: format!("{reason}, and no heartbeat for {silence} ms"),
                heartbeats: watch.count(),
            });
        };
        tokio::time::sleep(remaining.min(READ_INTERVAL)).await;
    }
}

async fn send_pings(rpc: &RpcClient, evidence: &FailureEvidence) -> Vec<PingOutcome> {
    let suspect = &evidence.suspect.member;
    let mut pings = Vec::new();
    while !is_enough(evidence.cause, suspect.incarnation, &pings) {
        if !pings.is_empty() {
            tokio::time::sleep(PING_PAUSE).await;
        }
        pings.push(rpc.ping(&suspect.host).await);
    }
    pings
}

/// Whether one more ping could show anything new. The kernel ends a process's connections before it closes its port, so
/// the first ping after a lost connection may still be accepted; the next two are refused.
fn is_enough(cause: SuspicionCause, suspect: Incarnation, pings: &[PingOutcome]) -> bool {
    let most = match cause {
        SuspicionCause::NotShown => 2,
        SuspicionCause::ConnectionLost | SuspicionCause::HeartbeatOnly => 3,
    };
    pings.len() >= most || pings.contains(&PingOutcome::Alive(suspect)) || are_refused(pings)
}

/// Whether the last two pings were refused.
fn are_refused(pings: &[PingOutcome]) -> bool {
    pings.len() >= 2
        && pings
            .iter()
            .rev()
            .take(2)
            .all(|ping| *ping == PingOutcome::Refused)
}

/// Says how long a heartbeat must be missing, by the answers to the pings.
fn evaluate_pings(cause: SuspicionCause, suspect: Incarnation, pings: &[PingOutcome]) -> PingVerdict {
    if pings.contains(&PingOutcome::Alive(suspect)) {
        return match cause {
            // It answers, but cannot reach the store: it has stopped working, and others may take over.
            SuspicionCause::NotShown => {
                PingVerdict::DeadAfter(SILENCE_OF_ANSWERING, "missed by the registry, though it answers")
            }
            SuspicionCause::ConnectionLost | SuspicionCause::HeartbeatOnly => PingVerdict::Alive,
        };
    }
    if pings.iter().any(|ping| matches!(ping, PingOutcome::Alive(_))) {
        return PingVerdict::DeadAfter(SILENCE_OF_REFUSED, "another incarnation answers at its address");
    }
    if are_refused(pings) {
        return PingVerdict::DeadAfter(SILENCE_OF_REFUSED, "its address takes no calls");
    }
    match cause {
        SuspicionCause::ConnectionLost => {
            PingVerdict::Unknown("a connection broke, but not every ping was refused")
        }
        SuspicionCause::NotShown => PingVerdict::DeadAfter(
            SILENCE_OF_UNREACHABLE,
            "missed by the registry, no answer to pings",
        ),
        SuspicionCause::HeartbeatOnly => PingVerdict::DeadAfter(
            SILENCE_WITHOUT_REGISTRY,
            "the registry cannot be used, no answer to pings",
        ),
    }
}

#[cfg(test)]
mod tests;
