//! The second witness: whether a life that is missed is over.

use std::time::Duration;

use engine::ids::Incarnation;

use super::Reach;
use crate::links::Ping;
use crate::ports::Seen;

/// A beat that is older than this is a witness of a death.
const OLD_BEAT_MS: i64 = 4_000;

/// The pause between two pings.
const BETWEEN_PINGS: Duration = Duration::from_millis(200);

/// Why a life is suspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The registry misses it.
    Missed,
    /// A connection to it was refused or reset.
    Hinted,
    /// The registry cannot be used, and its beat is very old.
    SilentWithoutRegistry,
}

/// What is known of a suspect before it is examined.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    pub(super) cause: Cause,
    pub(super) seen: Seen,
    /// Whether an old beat says something: not right after the store was away.
    pub(super) beats_count: bool,
}

/// What the witnesses say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is over, for this reason.
    Dead(String),
    /// It goes on.
    Lives,
    /// Nobody can say.
    Unknown(String),
}

/// Asks the witnesses. Consul alone never decides.
pub(super) async fn examine(reach: &Reach, evidence: &Evidence) -> Verdict {
    let suspect = evidence.seen.member.incarnation;
    if evidence.cause == Cause::Missed {
        match reach.registry.confirm().await {
            Ok(view) if view.present.contains(&suspect) => return Verdict::Lives,
            Ok(_) => {}
            Err(error) => return Verdict::Unknown(error.to_string()),
        }
    }
    let mut pings = Vec::new();
    while !is_enough(evidence.cause, suspect, &pings) {
        if !pings.is_empty() {
            tokio::time::sleep(BETWEEN_PINGS).await;
        }
        pings.push(reach.peers.ping(&evidence.seen.member.host).await);
    }
    judge(evidence, suspect, &pings)
}

/// Whether one ping more could say anything new. The kernel ends a process's connections before it closes its port,
/// so the first ping after a hint may still be taken by nobody; the next two are refused.
fn is_enough(cause: Cause, suspect: Incarnation, pings: &[Ping]) -> bool {
    let most = match cause {
        Cause::Missed => 2,
        Cause::Hinted | Cause::SilentWithoutRegistry => 3,
    };
    pings.len() >= most || pings.contains(&Ping::Alive(suspect)) || are_refused(pings)
}

/// Whether the last two pings were refused.
fn are_refused(pings: &[Ping]) -> bool {
    pings.len() >= 2 && pings.iter().rev().take(2).all(|ping| *ping == Ping::Refused)
}

/// Judges the answers to the pings together with the age of the last beat.
fn judge(evidence: &Evidence, suspect: Incarnation, pings: &[Ping]) -> Verdict {
    let age = evidence.seen.beat_age_ms;
    let old_beat = evidence.beats_count && age > OLD_BEAT_MS;
    let dead = |reason: &str| Verdict::Dead(reason.to_owned());
    if pings.contains(&Ping::Alive(suspect)) {
        // It answers, but cannot reach the store: it has stopped working, and others may go on for it.
        return match evidence.cause {
            Cause::Missed if old_beat => Verdict::Dead(format!("no beat for {} s", age / 1000)),
            _ => Verdict::Lives,
        };
    }
    if pings.iter().any(|ping| matches!(ping, Ping::Alive(_))) {
        return dead("another life answers at its address");
    }
    if are_refused(pings) {
        return dead("its address takes no calls");
    }
    match evidence.cause {
        Cause::Hinted => Verdict::Unknown("a connection broke, but not every ping was refused".to_owned()),
        Cause::Missed => dead("missed by the registry, and no answer to pings"),
        Cause::SilentWithoutRegistry if evidence.beats_count => Verdict::Dead(format!(
            "no beat for {} s and no answer to pings; the registry cannot be asked",
            age / 1000
        )),
        Cause::SilentWithoutRegistry => Verdict::Unknown("the store was away until a moment ago".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use engine::ids::Timestamp;
    use engine::states::MemberState;

    use super::*;
    use crate::ports::Member;

    const SUSPECT: Incarnation = Incarnation(7);

    fn evidence(cause: Cause, beat_age_ms: i64) -> Evidence {
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
        Evidence {
            cause,
            seen: Seen { member, beat_age_ms },
            beats_count: true,
        }
    }

    fn is_dead(evidence: &Evidence, pings: &[Ping]) -> bool {
        matches!(judge(evidence, SUSPECT, pings), Verdict::Dead(_))
    }

    #[test]
    fn who_answers_and_beats_lives_whatever_the_registry_misses() {
        let pings = [Ping::Silent, Ping::Alive(SUSPECT)];
        assert_eq!(
            judge(&evidence(Cause::Missed, 900), SUSPECT, &pings),
            Verdict::Lives
        );
        assert_eq!(
            judge(&evidence(Cause::Hinted, 900), SUSPECT, &pings),
            Verdict::Lives
        );
    }

    #[test]
    fn who_answers_without_beats_is_given_up_when_the_registry_misses_it_too() {
        let pings = [Ping::Alive(SUSPECT)];
        assert!(is_dead(&evidence(Cause::Missed, 5_000), &pings));
        assert!(!is_dead(&evidence(Cause::Hinted, 5_000), &pings));
        let mut after_a_pause = evidence(Cause::Missed, 5_000);
        after_a_pause.beats_count = false;
        assert!(!is_dead(&after_a_pause, &pings), "everybody's beat is old then");
    }

    #[test]
    fn two_refusals_are_enough_and_one_is_not() {
        for cause in [Cause::Missed, Cause::Hinted] {
            assert!(
                is_dead(&evidence(cause, 0), &[Ping::Refused, Ping::Refused]),
                "{cause:?}"
            );
        }
        assert!(!is_dead(
            &evidence(Cause::Hinted, 0),
            &[Ping::Refused, Ping::Silent]
        ));
    }

    #[test]
    fn a_port_that_closes_a_moment_after_the_connections_is_refused_twice_all_the_same() {
        let hinted = evidence(Cause::Hinted, 0);
        let first = [Ping::Silent, Ping::Refused];
        assert!(!is_enough(Cause::Hinted, SUSPECT, &first) && !is_dead(&hinted, &first));
        let all = [Ping::Silent, Ping::Refused, Ping::Refused];
        assert!(is_enough(Cause::Hinted, SUSPECT, &all) && is_dead(&hinted, &all));
    }

    #[test]
    fn a_frozen_one_is_dead_only_when_the_registry_misses_it() {
        let pings = [Ping::Silent, Ping::Silent];
        assert!(is_dead(&evidence(Cause::Missed, 0), &pings));
        assert!(!is_dead(&evidence(Cause::Hinted, 0), &pings));
    }

    #[test]
    fn a_new_life_at_the_address_proves_the_end_of_the_old_one() {
        assert!(is_dead(
            &evidence(Cause::Hinted, 0),
            &[Ping::Refused, Ping::Alive(Incarnation(9))]
        ));
    }

    #[test]
    fn without_a_registry_silence_counts_only_in_a_steady_store() {
        let pings = [Ping::Silent, Ping::Silent, Ping::Silent];
        let mut silent = evidence(Cause::SilentWithoutRegistry, 31_000);
        assert!(is_dead(&silent, &pings));
        silent.beats_count = false;
        assert!(!is_dead(&silent, &pings));
    }
}
