//! The rules by their names, and what holds for every sequence of views.

use std::collections::BTreeSet;

use engine::ids::Timestamp;

use super::*;
use ports::Member;

const THIS_NODE: Incarnation = Incarnation(1);
const NONE: [i64; 0] = [];

fn member(incarnation: i64, heartbeat_age_ms: i64) -> MemberStatus {
    let member = Member {
        incarnation: Incarnation(incarnation),
        name: format!("m{incarnation}"),
        host: format!("m{incarnation}:7071"),
        roles: vec!["master".to_owned()],
        state: MemberState::Active,
        joined_at: Timestamp(0),
        slots: 0,
        worker_group: "default".to_owned(),
        version: "1".to_owned(),
    };
    MemberStatus {
        member,
        heartbeat_age_ms,
    }
}

fn living(numbers: &[i64]) -> Vec<MemberStatus> {
    numbers.iter().map(|n| member(*n, 500)).collect()
}

fn view(index: u64, present: &[i64]) -> Result<View, RegistryError> {
    let present: BTreeSet<Incarnation> = present.iter().copied().map(Incarnation).collect();
    Ok(View { index, present })
}

fn unavailable() -> Result<View, RegistryError> {
    Err(RegistryError::Unavailable("no leader".to_owned()))
}

/// A detector that has been shown all three for long enough.
fn warmed_up() -> FailureDetector {
    let mut detector = FailureDetector::new(0);
    detector.observe(0, view(10, &[1, 2, 3]), THIS_NODE);
    detector
}

fn suspected(detector: &mut FailureDetector, now: i64, living: &[MemberStatus]) -> Vec<i64> {
    let suspects = detector.suspects(now, THIS_NODE, living);
    suspects.iter().map(|suspect| suspect.incarnation.0).collect()
}

#[test]
fn w2_no_answer_is_unknown_and_not_empty() {
    let mut detector = warmed_up();
    detector.observe(20_000, unavailable(), THIS_NODE);
    assert!(!detector.is_known());
    assert_eq!(suspected(&mut detector, 25_000, &living(&[1, 2, 3])), NONE);
    assert_eq!(detector.index(), 0, "the next watch returns at once");
}

#[test]
fn w3_an_index_that_goes_back_starts_the_warm_up_again() {
    for index in [0, 9] {
        let mut detector = warmed_up();
        detector.observe(20_000, view(index, &[1, 3]), THIS_NODE);
        assert_eq!(detector.index(), 0, "asked from the beginning");
        assert_eq!(suspected(&mut detector, 26_999, &living(&[1, 2, 3])), NONE);
        assert_eq!(suspected(&mut detector, 27_000, &living(&[1, 2, 3])), [2]);
    }
}

#[test]
fn w4_a_view_without_this_node_is_worthless() {
    let mut detector = warmed_up();
    assert_eq!(
        detector.observe(20_000, view(11, &[]), THIS_NODE),
        ViewOutcome::RegisterAgain
    );
    assert_eq!(suspected(&mut detector, 40_000, &living(&[1, 2, 3])), NONE);
    assert_eq!(
        detector.observe(41_000, view(12, &[1]), THIS_NODE),
        ViewOutcome::Accepted
    );
    assert_eq!(
        suspected(&mut detector, 42_000, &living(&[1, 2])),
        NONE,
        "and it warms up when this node is shown again"
    );
}

#[test]
fn w4_a_node_that_is_never_shown_reports_it_and_trusts_stale_heartbeats_only() {
    let mut detector = warmed_up();
    detector.observe(20_000, view(11, &[2, 3]), THIS_NODE);
    assert!(!detector.is_self_missing(23_000), "a registration takes a moment");
    detector.observe(25_000, view(12, &[2, 3]), THIS_NODE);
    assert!(detector.is_self_missing(25_000));
    let suspects = detector.suspects(
        60_000,
        THIS_NODE,
        &[member(1, 60_000), member(2, 29_000), member(3, 31_000)],
    );
    assert_eq!(suspects.len(), 1);
    assert_eq!(
        (suspects[0].incarnation.0, suspects[0].basis),
        (3, SuspicionBasis::HeartbeatOnly)
    );
    detector.observe(61_000, view(13, &[1, 2, 3]), THIS_NODE);
    assert!(!detector.is_self_missing(70_000));
}

#[test]
fn w5_a_view_suspects_no_member_while_it_warms_up() {
    let mut detector = FailureDetector::new(0);
    detector.observe(100, view(5, &[1]), THIS_NODE);
    assert_eq!(suspected(&mut detector, 7_000, &living(&[1, 2])), NONE);
    assert_eq!(suspected(&mut detector, 7_100, &living(&[1, 2])), [2]);
    detector.observe(20_000, unavailable(), THIS_NODE);
    detector.observe(21_000, view(6, &[1]), THIS_NODE);
    assert_eq!(
        suspected(&mut detector, 22_000, &living(&[1, 2])),
        NONE,
        "unknown in between"
    );
}

#[test]
fn w6_a_new_incarnation_does_not_clear_the_old_one() {
    let mut detector = warmed_up();
    detector.observe(20_000, view(11, &[1, 3, 4]), THIS_NODE);
    assert_eq!(suspected(&mut detector, 20_000, &living(&[1, 2, 3, 4])), [2]);
}

#[test]
fn w7_the_same_view_again_suspects_the_same() {
    let mut detector = warmed_up();
    for now in [20_000, 20_000, 21_000] {
        detector.observe(now, view(11, &[1, 3]), THIS_NODE);
        assert_eq!(suspected(&mut detector, now, &living(&[1, 2, 3])), [2]);
    }
    detector.observe(22_000, view(12, &[1, 2, 3]), THIS_NODE);
    assert_eq!(suspected(&mut detector, 22_000, &living(&[1, 2, 3])), NONE);
}

#[test]
fn w8_half_of_the_masters_at_once_are_waited_for() {
    let mut detector = warmed_up();
    detector.observe(20_000, view(11, &[1]), THIS_NODE);
    assert_eq!(suspected(&mut detector, 20_000, &living(&[1, 2, 3])), NONE);
    assert_eq!(suspected(&mut detector, 24_999, &living(&[1, 2, 3])), NONE);
    assert_eq!(suspected(&mut detector, 25_000, &living(&[1, 2, 3])), [2, 3]);
}

#[test]
fn w9_a_view_suspects_no_member_while_the_own_heartbeat_is_late() {
    let mut detector = warmed_up();
    detector.observe(20_000, view(11, &[1, 3]), THIS_NODE);
    detector.record_own_heartbeat(Duration::from_millis(1_500));
    assert_eq!(suspected(&mut detector, 20_000, &living(&[1, 2, 3])), NONE);
    detector.record_own_heartbeat(Duration::from_millis(900));
    assert_eq!(suspected(&mut detector, 20_500, &living(&[1, 2, 3])), [2]);
}

#[test]
fn one_of_two_masters_is_no_mass_loss() {
    let mut detector = warmed_up();
    detector.observe(20_000, view(11, &[1]), THIS_NODE);
    assert_eq!(suspected(&mut detector, 20_000, &living(&[1, 2])), [2]);
}

#[test]
fn without_a_registry_only_a_stale_heartbeat_makes_a_suspect() {
    let mut detector = warmed_up();
    detector.observe(20_000, unavailable(), THIS_NODE);
    let living = [member(1, 60_000), member(2, 29_000), member(3, 31_000)];
    let suspects = detector.suspects(60_000, THIS_NODE, &living);
    let expected = Suspect {
        incarnation: Incarnation(3),
        missing_ms: 31_000,
        basis: SuspicionBasis::HeartbeatOnly,
    };
    assert_eq!(suspects, [expected]);
}

#[test]
fn no_sequence_suspects_a_present_member_or_this_node() {
    // Every sequence of five views of seven kinds.
    let answers = [
        view(10, &[1, 2, 3]),
        view(11, &[1, 2]),
        view(12, &[1]),
        view(13, &[]),
        view(3, &[1, 2, 3]),
        view(0, &[]),
        unavailable(),
    ];
    let members = living(&[1, 2, 3]);
    for code in 0..answers.len().pow(5) {
        let mut detector = warmed_up();
        let mut rest = code;
        for step in 1..=5 {
            let answer = answers[rest % answers.len()].clone();
            rest /= answers.len();
            let now = 20_000 * step;
            detector.observe(now, answer.clone(), THIS_NODE);
            for suspect in detector.suspects(now, THIS_NODE, &members) {
                assert_ne!(suspect.incarnation, THIS_NODE);
                let present = answer
                    .as_ref()
                    .is_ok_and(|view| view.present.contains(&suspect.incarnation));
                assert!(!present, "sequence {code}, step {step}: {suspect:?}");
                assert!(
                    answer.is_ok(),
                    "an error alone suspects no member with fresh heartbeats"
                );
            }
        }
    }
}
