//! Transcripts of a schedule through outages, and a naive oracle that walks over every fire.

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::schedule::{Recurrence, Window, jitter_of};

const SECOND: i64 = 1_000;
const MISSED_AFTER: i64 = 60 * SECOND;

fn every(seconds: i64, end: Option<i64>) -> FireTimes {
    let recurrence = Recurrence::Every {
        start: Timestamp(0),
        interval_ms: seconds * SECOND,
    };
    let window = Window {
        start: Some(Timestamp(0)),
        end: end.map(|end| Timestamp(end * SECOND)),
    };
    FireTimes::new(recurrence, Tz::UTC, window, None)
}

fn rules(missed: MissedPolicy, missed_limit: u32) -> FiringRules {
    FiringRules {
        schedule: 7,
        jitter_ms: 0,
        missed,
        missed_limit,
    }
}

/// A decision in seconds: skipped as (first, last, count), starts, and the next fire.
type Transcript = (Option<(i64, i64, u32)>, Vec<i64>, Option<i64>);

fn transcript(decision: &FireDecision) -> Transcript {
    let seconds = |at: Timestamp| at.0 / SECOND;
    (
        decision
            .skipped
            .map(|run| (seconds(run.first), seconds(run.last), run.count)),
        decision.starts.iter().map(|fire| seconds(fire.fire_at)).collect(),
        decision.next.map(|next| seconds(next.fire_at)),
    )
}

fn decide(times: &FireTimes, rules: FiringRules, next: i64, now: i64) -> Transcript {
    let firing = Firing::new(times, rules);
    transcript(&firing.decide(
        Timestamp(next * SECOND),
        Timestamp(now * SECOND),
        MISSED_AFTER,
        10_000,
    ))
}

#[test]
fn a_fire_starts_at_its_time_and_not_before() {
    let times = every(10, None);
    let latest = rules(MissedPolicy::Latest, 100);
    assert_eq!(decide(&times, latest, 20, 19), (None, vec![], Some(20)));
    assert_eq!(decide(&times, latest, 20, 20), (None, vec![20], Some(30)));
    assert_eq!(decide(&times, latest, 20, 45), (None, vec![20, 30, 40], Some(50)));
}

#[test]
fn what_was_missed_follows_the_policy() {
    let times = every(30, None);
    // At 300, fires up to 210 are missed: 240 is due for exactly a minute.
    let cases = [
        (
            MissedPolicy::Skip,
            100,
            (Some((30, 210, 7)), vec![240, 270, 300], Some(330)),
        ),
        (
            MissedPolicy::Latest,
            100,
            (Some((30, 180, 6)), vec![210, 240, 270, 300], Some(330)),
        ),
        (
            MissedPolicy::All,
            3,
            (Some((30, 120, 4)), vec![150, 180, 210, 240, 270, 300], Some(330)),
        ),
        (
            MissedPolicy::All,
            7,
            (
                None,
                vec![30, 60, 90, 120, 150, 180, 210, 240, 270, 300],
                Some(330),
            ),
        ),
    ];
    for (missed, limit, expected) in cases {
        assert_eq!(
            decide(&times, rules(missed, limit), 30, 300),
            expected,
            "{missed}"
        );
    }
}

#[test]
fn a_long_outage_is_counted_up_to_a_limit() {
    let times = every(1, None);
    let (skipped, starts, next) = decide(&times, rules(MissedPolicy::Skip, 1), 5, 1_000_000);
    assert_eq!(skipped, Some((5, 999_939, MAX_COUNTED)));
    assert_eq!((starts.len(), next), (61, Some(1_000_001)));
    let (skipped, starts, _) = decide(&times, rules(MissedPolicy::Skip, 1), 5, 5_064);
    assert_eq!((skipped, starts.first()), (Some((5, 5_003, 4_999)), Some(&5_004)));
}

#[test]
fn after_the_window_nothing_is_next() {
    let times = every(10, Some(30));
    let latest = rules(MissedPolicy::Latest, 100);
    assert_eq!(decide(&times, latest, 20, 35), (None, vec![20, 30], None));
    assert_eq!(
        decide(&times, latest, 10, 1_000),
        (Some((10, 20, 2)), vec![30], None)
    );
    assert_eq!(
        decide(&times, rules(MissedPolicy::Skip, 1), 10, 1_000),
        (Some((10, 30, 3)), vec![], None)
    );
}

#[test]
fn a_batch_has_a_limit_and_the_rest_follows_at_once() {
    let times = every(1, None);
    let firing = Firing::new(&times, rules(MissedPolicy::All, 100));
    let now = Timestamp(50 * SECOND);
    let decision = firing.decide(Timestamp(SECOND), now, MISSED_AFTER, 20);
    let (_, starts, next) = transcript(&decision);
    assert_eq!(
        (starts.first(), starts.last(), next),
        (Some(&1), Some(&20), Some(21))
    );
    assert_eq!(decision.next.map(|next| next.due_at <= now), Some(true));
}

#[test]
fn what_is_dropped_ends_with_the_last_time_that_has_come() {
    let times = every(10, None);
    let firing = Firing::new(&times, rules(MissedPolicy::Latest, 1));
    let dropped = |next: i64, now: i64| {
        firing
            .undecided_fires(Timestamp(next * SECOND), Timestamp(now * SECOND))
            .map(|run| (run.first.0 / SECOND, run.last.0 / SECOND, run.count))
    };
    assert_eq!(dropped(20, 19), None);
    assert_eq!(dropped(20, 20), Some((20, 20, 1)));
    assert_eq!(dropped(20, 49), Some((20, 40, 3)));
}

/// Every fire from `next` to `until` with its due instant, by comparing each with all later ones.
fn naive_fires(times: &FireTimes, rules: FiringRules, next: Timestamp, until: Timestamp) -> Vec<DueFire> {
    let mut all = vec![next];
    while let Some(fire) = times.next_after(all[all.len() - 1]).filter(|fire| *fire <= until) {
        all.push(fire);
    }
    let jittered = |fire: Timestamp| {
        let limit = u64::try_from(rules.jitter_ms).unwrap();
        let jitter = jitter_of(rules.schedule.cast_unsigned(), fire, limit);
        fire.plus(i64::try_from(jitter).unwrap())
    };
    (0..all.len())
        .map(|place| DueFire {
            fire_at: all[place],
            due_at: all[place..].iter().map(|fire| jittered(*fire)).min().unwrap(),
        })
        .collect()
}

fn naive_decision(
    times: &FireTimes,
    rules: FiringRules,
    next: Timestamp,
    now: Timestamp,
    missed_after: i64,
) -> FireDecision {
    let all = naive_fires(times, rules, next, now.plus(rules.jitter_ms * 2 + 400 * SECOND));
    let due: Vec<DueFire> = all.iter().copied().filter(|fire| fire.due_at <= now).collect();
    let (missed, fresh): (Vec<DueFire>, Vec<DueFire>) =
        due.iter().partition(|fire| now.since(fire.due_at) > missed_after);
    let kept = match rules.missed {
        MissedPolicy::Skip => 0,
        MissedPolicy::Latest => 1,
        MissedPolicy::All => rules.missed_limit as usize,
    };
    let (left_out, started) = missed.split_at(missed.len().saturating_sub(kept));
    FireDecision {
        skipped: left_out
            .first()
            .zip(left_out.last())
            .map(|(first, last)| SkippedFires {
                first: first.fire_at,
                last: last.fire_at,
                count: u32::try_from(left_out.len()).unwrap(),
            }),
        starts: started.iter().chain(&fresh).copied().collect(),
        next: all.get(due.len()).map(|fire| NextFire {
            fire_at: fire.fire_at,
            due_at: fire.due_at,
        }),
    }
}

proptest! {
    #[test]
    fn decisions_agree_with_a_walk_over_every_fire(
        interval in 1..90_i64,
        first in 0..50_i64,
        outage in 0..400_000_i64,
        jitter_ms in prop_oneof![Just(0), 1..200_000_i64],
        missed_after in 1_000..90_000_i64,
        schedule in 1..1_000_i64,
        policy in prop_oneof![
            Just(MissedPolicy::Skip), Just(MissedPolicy::Latest), Just(MissedPolicy::All)
        ],
        missed_limit in 1..30_u32,
        end in prop_oneof![Just(None), (0..500_i64).prop_map(Some)],
    ) {
        let next = Timestamp(first * interval * SECOND);
        let end = end.map(|end| end.max(first * interval));
        let times = every(interval, end);
        let rules = FiringRules { schedule, jitter_ms, missed: policy, missed_limit };
        let now = next.plus(outage);
        let decision = Firing::new(&times, rules).decide(next, now, missed_after, usize::MAX);
        prop_assert_eq!(&decision, &naive_decision(&times, rules, next, now, missed_after));
        for fire in &decision.starts {
            prop_assert!(fire.due_at >= fire.fire_at && fire.due_at <= now);
            prop_assert!(fire.due_at.since(fire.fire_at) < jitter_ms.max(1));
        }
        prop_assert!(decision.starts.is_sorted_by(|a, b| a.fire_at < b.fire_at && a.due_at <= b.due_at));
    }

    #[test]
    fn no_fire_is_decided_twice_and_none_is_left_out(
        interval in 1..20_i64,
        steps in proptest::collection::vec(0..100_000_i64, 1..20),
        jitter_ms in prop_oneof![Just(0), 1..60_000_i64],
        limit in 1..10_usize,
    ) {
        let times = every(interval, None);
        let rules = FiringRules { schedule: 3, jitter_ms, missed: MissedPolicy::All, missed_limit: 5 };
        let firing = Firing::new(&times, rules);
        let (mut next, mut now, mut decided) = (Timestamp(0), Timestamp(0), 0);
        for step in steps {
            now = now.plus(step);
            let decision = firing.decide(next, now, 30 * SECOND, limit);
            if let Some(run) = decision.skipped {
                prop_assert_eq!(run.first, next);
                prop_assert_eq!(run.last.since(run.first), i64::from(run.count - 1) * interval * SECOND);
                decided += i64::from(run.count);
            }
            decided += i64::try_from(decision.starts.len()).unwrap();
            next = decision.next.unwrap().fire_at;
            prop_assert_eq!(next.0, decided * interval * SECOND);
        }
    }
}
