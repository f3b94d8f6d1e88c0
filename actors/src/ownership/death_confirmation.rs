//! The second witness of a death: whether a member that is missed is dead.

use std::time::Duration;

use engine::ids::Incarnation;

use crate::ports::{MemberStatus, Registry};
use crate::rpc::client::{PingOutcome, RpcClient};

/// Age of a database heartbeat from which it is a witness of a death, in milliseconds.
const OLD_HEARTBEAT_MS: i64 = 4_000;

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
    /// Whether an old heartbeat proves anything; not right after the store was unreachable.
    pub(crate) heartbeats_count: bool,
}

/// What the witnesses show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// It is dead, for this reason.
    Dead(String),
    /// It is alive.
    Alive,
    /// The witnesses do not show it, for this reason.
    Unknown(String),
}

/// Asks the witnesses. The registry alone never decides.
pub(crate) async fn confirm(
    registry: &dyn Registry,
    rpc: &RpcClient,
    evidence: &FailureEvidence,
) -> Liveness {
    let suspect = evidence.suspect.member.incarnation;
    if evidence.cause == SuspicionCause::NotShown {
        match registry.confirm().await {
            Ok(view) if view.present.contains(&suspect) => return Liveness::Alive,
            Ok(_) => {}
            Err(error) => return Liveness::Unknown(error.to_string()),
        }
    }
    let mut pings = Vec::new();
    while !is_enough(evidence.cause, suspect, &pings) {
        if !pings.is_empty() {
            tokio::time::sleep(PING_PAUSE).await;
        }
        pings.push(rpc.ping(&evidence.suspect.member.host).await);
    }
    evaluate(evidence, suspect, &pings)
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

/// Evaluates the answers to the pings together with the age of the last heartbeat.
fn evaluate(evidence: &FailureEvidence, suspect: Incarnation, pings: &[PingOutcome]) -> Liveness {
    let age_ms = evidence.suspect.heartbeat_age_ms;
    let is_heartbeat_old = evidence.heartbeats_count && age_ms > OLD_HEARTBEAT_MS;
    let dead = |reason: &str| Liveness::Dead(reason.to_owned());
    if pings.contains(&PingOutcome::Alive(suspect)) {
        // It answers, but cannot reach the store: it has stopped working, and others may take over.
        return match evidence.cause {
            SuspicionCause::NotShown if is_heartbeat_old => {
                Liveness::Dead(format!("no heartbeat for {} s", age_ms / 1000))
            }
            _ => Liveness::Alive,
        };
    }
    if pings.iter().any(|ping| matches!(ping, PingOutcome::Alive(_))) {
        return dead("another incarnation answers at its address");
    }
    if are_refused(pings) {
        return dead("its address takes no calls");
    }
    match evidence.cause {
        SuspicionCause::ConnectionLost => {
            Liveness::Unknown("a connection broke, but not every ping was refused".to_owned())
        }
        SuspicionCause::NotShown => dead("missed by the registry, and no answer to pings"),
        SuspicionCause::HeartbeatOnly if evidence.heartbeats_count => Liveness::Dead(format!(
            "no heartbeat for {} s and no answer to pings; the registry cannot be used",
            age_ms / 1000
        )),
        SuspicionCause::HeartbeatOnly => {
            Liveness::Unknown("the store was unreachable until a moment ago".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::ids::Timestamp;
    use engine::states::MemberState;

    use super::*;
    use crate::ports::Member;

    const SUSPECT: Incarnation = Incarnation(7);

    fn evidence(cause: SuspicionCause, heartbeat_age_ms: i64) -> FailureEvidence {
        let member = Member {
            incarnation: SUSPECT,
            name: "m7".to_owned(),
            host: "m7:7071".to_owned(),
            roles: vec!["master".to_owned()],
            state: MemberState::Active,
            joined_at: Timestamp(0),
            slots: 0,
            worker_group: "default".to_owned(),
            version: "1".to_owned(),
        };
        FailureEvidence {
            cause,
            suspect: MemberStatus {
                member,
                heartbeat_age_ms,
            },
            heartbeats_count: true,
        }
    }

    fn is_dead(evidence: &FailureEvidence, pings: &[PingOutcome]) -> bool {
        matches!(evaluate(evidence, SUSPECT, pings), Liveness::Dead(_))
    }

    #[test]
    fn a_member_that_answers_and_sends_heartbeats_is_alive_whatever_the_registry_shows() {
        let pings = [PingOutcome::Silent, PingOutcome::Alive(SUSPECT)];
        assert_eq!(
            evaluate(&evidence(SuspicionCause::NotShown, 900), SUSPECT, &pings),
            Liveness::Alive
        );
        assert_eq!(
            evaluate(&evidence(SuspicionCause::ConnectionLost, 900), SUSPECT, &pings),
            Liveness::Alive
        );
    }

    #[test]
    fn a_member_that_answers_without_heartbeats_is_dead_when_the_registry_misses_it_too() {
        let pings = [PingOutcome::Alive(SUSPECT)];
        assert!(is_dead(&evidence(SuspicionCause::NotShown, 5_000), &pings));
        assert!(!is_dead(&evidence(SuspicionCause::ConnectionLost, 5_000), &pings));
        let mut after_a_pause = evidence(SuspicionCause::NotShown, 5_000);
        after_a_pause.heartbeats_count = false;
        assert!(!is_dead(&after_a_pause, &pings), "every heartbeat is old then");
    }

    #[test]
    fn two_refusals_are_enough_and_one_is_not() {
        for cause in [SuspicionCause::NotShown, SuspicionCause::ConnectionLost] {
            assert!(
                is_dead(&evidence(cause, 0), &[PingOutcome::Refused, PingOutcome::Refused]),
                "{cause:?}"
            );
        }
        assert!(!is_dead(
            &evidence(SuspicionCause::ConnectionLost, 0),
            &[PingOutcome::Refused, PingOutcome::Silent]
        ));
    }

    #[test]
    fn a_port_that_closes_a_moment_after_the_connections_is_refused_twice_all_the_same() {
        let lost_connection = evidence(SuspicionCause::ConnectionLost, 0);
        let first = [PingOutcome::Silent, PingOutcome::Refused];
        assert!(
            !is_enough(SuspicionCause::ConnectionLost, SUSPECT, &first) && !is_dead(&lost_connection, &first)
        );
        let all = [PingOutcome::Silent, PingOutcome::Refused, PingOutcome::Refused];
        assert!(is_enough(SuspicionCause::ConnectionLost, SUSPECT, &all) && is_dead(&lost_connection, &all));
    }

    #[test]
    fn a_frozen_member_is_dead_only_when_the_registry_misses_it() {
        let pings = [PingOutcome::Silent, PingOutcome::Silent];
        assert!(is_dead(&evidence(SuspicionCause::NotShown, 0), &pings));
        assert!(!is_dead(&evidence(SuspicionCause::ConnectionLost, 0), &pings));
    }

    #[test]
    fn a_new_incarnation_at_the_address_proves_the_death_of_the_old_one() {
        assert!(is_dead(
            &evidence(SuspicionCause::ConnectionLost, 0),
            &[PingOutcome::Refused, PingOutcome::Alive(Incarnation(9))]
        ));
    }

    #[test]
    fn without_a_registry_silence_counts_only_in_a_steady_store() {
        let pings = [PingOutcome::Silent, PingOutcome::Silent, PingOutcome::Silent];
        let mut silent = evidence(SuspicionCause::HeartbeatOnly, 31_000);
        assert!(is_dead(&silent, &pings));
        silent.heartbeats_count = false;
        assert!(!is_dead(&silent, &pings));
    }
}
