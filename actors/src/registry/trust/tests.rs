//! The rules by their names, and what holds for every sequence of views.

use std::collections::BTreeSet;

use engine::ids::Timestamp;

use super::*;
use crate::ports::Member;

const ME: Incarnation = Incarnation(1);
const NOBODY: [i64; 0] = [];

fn seen(incarnation: i64, beat_age_ms: i64) -> Seen {
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
    Seen { member, beat_age_ms }
}

fn living(lives: &[i64]) -> Vec<Seen> {
    lives.iter().map(|life| seen(*life, 500)).collect()
}

fn view(index: u64, present: &[i64]) -> Result<View, RegistryError> {
    let present: BTreeSet<Incarnation> = present.iter().copied().map(Incarnation).collect();
    Ok(View { index, present })
}

fn away() -> Result<View, RegistryError> {
    Err(RegistryError::Unavailable("no leader".to_owned()))
}

/// Has seen all three for long enough.
fn grown() -> Trust {
    let mut trust = Trust::starting_at(0);
    trust.observed(0, view(10, &[1, 2, 3]), ME);
    trust
}

fn suspected(trust: &mut Trust, now: i64, living: &[Seen]) -> Vec<i64> {
    let suspects = trust.suspects(now, ME, living);
    suspects.iter().map(|suspect| suspect.incarnation.0).collect()
}

#[test]
fn w2_no_answer_is_unknown_and_not_empty() {
    let mut trust = grown();
    trust.observed(20_000, away(), ME);
    assert!(!trust.is_known());
    assert_eq!(suspected(&mut trust, 25_000, &living(&[1, 2, 3])), NOBODY);
    assert_eq!(trust.index(), 0, "the next question is answered at once");
}

#[test]
fn w3_an_index_that_goes_back_makes_the_view_young() {
    for index in [0, 9] {
        let mut trust = grown();
        trust.observed(20_000, view(index, &[1, 3]), ME);
        assert_eq!(trust.index(), 0, "asked from the beginning");
        assert_eq!(suspected(&mut trust, 26_999, &living(&[1, 2, 3])), NOBODY);
        assert_eq!(suspected(&mut trust, 27_000, &living(&[1, 2, 3])), [2]);
    }
}

#[test]
fn w4_a_view_without_me_is_worthless() {
    let mut trust = grown();
    assert!(trust.observed(20_000, view(11, &[]), ME), "register again");
    assert_eq!(suspected(&mut trust, 40_000, &living(&[1, 2, 3])), NOBODY);
    assert!(!trust.observed(41_000, view(12, &[1]), ME));
    assert_eq!(
        suspected(&mut trust, 42_000, &living(&[1, 2])),
        NOBODY,
        "and young when I am back"
    );
}

#[test]
fn w4_who_is_never_listed_says_so_and_believes_old_beats_alone() {
    let mut trust = grown();
    trust.observed(20_000, view(11, &[2, 3]), ME);
    assert!(!trust.is_stranger(23_000), "a registration takes a moment");
    trust.observed(25_000, view(12, &[2, 3]), ME);
    assert!(trust.is_stranger(25_000));
    let suspects = trust.suspects(60_000, ME, &[seen(1, 60_000), seen(2, 29_000), seen(3, 31_000)]);
    assert_eq!(suspects.len(), 1);
    assert_eq!(
        (suspects[0].incarnation.0, suspects[0].without_registry),
        (3, true)
    );
    trust.observed(61_000, view(13, &[1, 2, 3]), ME);
    assert!(!trust.is_stranger(70_000));
}

#[test]
fn w5_a_young_view_suspects_nobody() {
    let mut trust = Trust::starting_at(0);
    trust.observed(100, view(5, &[1]), ME);
    assert_eq!(suspected(&mut trust, 7_000, &living(&[1, 2])), NOBODY);
    assert_eq!(suspected(&mut trust, 7_100, &living(&[1, 2])), [2]);
    trust.observed(20_000, away(), ME);
    trust.observed(21_000, view(6, &[1]), ME);
    assert_eq!(
        suspected(&mut trust, 22_000, &living(&[1, 2])),
        NOBODY,
        "unknown in between"
    );
}

#[test]
fn w6_a_new_life_of_a_node_does_not_clear_the_old_one() {
    let mut trust = grown();
    trust.observed(20_000, view(11, &[1, 3, 4]), ME);
    assert_eq!(suspected(&mut trust, 20_000, &living(&[1, 2, 3, 4])), [2]);
}

#[test]
fn w7_the_same_view_again_says_the_same_again() {
    let mut trust = grown();
    for now in [20_000, 20_000, 21_000] {
        trust.observed(now, view(11, &[1, 3]), ME);
        assert_eq!(suspected(&mut trust, now, &living(&[1, 2, 3])), [2]);
    }
    trust.observed(22_000, view(12, &[1, 2, 3]), ME);
    assert_eq!(suspected(&mut trust, 22_000, &living(&[1, 2, 3])), NOBODY);
}

#[test]
fn w8_half_of_the_masters_at_once_are_waited_for() {
    let mut trust = grown();
    trust.observed(20_000, view(11, &[1]), ME);
    assert_eq!(suspected(&mut trust, 20_000, &living(&[1, 2, 3])), NOBODY);
    assert_eq!(suspected(&mut trust, 24_999, &living(&[1, 2, 3])), NOBODY);
    assert_eq!(suspected(&mut trust, 25_000, &living(&[1, 2, 3])), [2, 3]);
}

#[test]
fn one_of_two_masters_is_no_mass_loss() {
    let mut trust = grown();
    trust.observed(20_000, view(11, &[1]), ME);
    assert_eq!(suspected(&mut trust, 20_000, &living(&[1, 2])), [2]);
}

#[test]
fn without_a_registry_only_a_very_old_beat_makes_a_suspect() {
    let mut trust = grown();
    trust.observed(20_000, away(), ME);
    let living = [seen(1, 60_000), seen(2, 29_000), seen(3, 31_000)];
    let suspects = trust.suspects(60_000, ME, &living);
    let expected = Suspect {
        incarnation: Incarnation(3),
        missed_ms: 31_000,
        without_registry: true,
    };
    assert_eq!(suspects, [expected]);
}

#[test]
fn whatever_comes_nobody_who_is_present_and_never_myself_is_suspected() {
    // Every sequence of five answers out of seven kinds.
    let answers = [
        view(10, &[1, 2, 3]),
        view(11, &[1, 2]),
        view(12, &[1]),
        view(13, &[]),
        view(3, &[1, 2, 3]),
        view(0, &[]),
        away(),
    ];
    let lives = living(&[1, 2, 3]);
    for code in 0..answers.len().pow(5) {
        let mut trust = grown();
        let mut rest = code;
        for step in 1..=5 {
            let answer = answers[rest % answers.len()].clone();
            rest /= answers.len();
            let now = 20_000 * step;
            trust.observed(now, answer.clone(), ME);
            for suspect in trust.suspects(now, ME, &lives) {
                assert_ne!(suspect.incarnation, ME);
                let present = answer
                    .as_ref()
                    .is_ok_and(|view| view.present.contains(&suspect.incarnation));
                assert!(!present, "sequence {code}, step {step}: {suspect:?}");
                assert!(answer.is_ok(), "an error alone suspects nobody with fresh beats");
            }
        }
    }
}
