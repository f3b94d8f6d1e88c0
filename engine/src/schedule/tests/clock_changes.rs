//! Around each clock change of every zone, fire times agree with a walk over every minute.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset as _, TimeZone as _, Timelike};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::ids::Timestamp;
use crate::schedule::CronTimes;

const DAY: i64 = 24 * 60 * 60;
const FROM: i64 = 1_735_689_600; // 2025-01-01
const UNTIL: i64 = FROM + 10 * 365 * DAY;

/// An expression with the test that its author would write.
struct Case {
    cron: &'static str,
    matches: fn(NaiveDateTime) -> bool,
    follows_the_clock: bool,
}

const CASES: [Case; 6] = [
    Case {
        cron: "*/7 * * * *",
        matches: |t| t.minute() % 7 == 0,
        follows_the_clock: true,
    },
    Case {
        cron: "0 * * * SUN",
        matches: |t| t.minute() == 0 && t.weekday().num_days_from_sunday() == 0,
        follows_the_clock: true,
    },
    Case {
        cron: "*/10 0-4 * * *",
        matches: |t| t.minute() % 10 == 0 && t.hour() <= 4,
        follows_the_clock: false,
    },
    Case {
        cron: "15,45 1-23/2 * * *",
        matches: |t| (t.minute() == 15 || t.minute() == 45) && t.hour() % 2 == 1,
        follows_the_clock: false,
    },
    Case {
        cron: "30 2 * * *",
        matches: |t| t.minute() == 30 && t.hour() == 2,
        follows_the_clock: false,
    },
    Case {
        cron: "0 0,23 * * *",
        matches: |t| t.minute() == 0 && (t.hour() == 0 || t.hour() == 23),
        follows_the_clock: false,
    },
];

fn offset_at(zone: Tz, second: i64) -> i64 {
    let instant = DateTime::from_timestamp(second, 0).unwrap();
    i64::from(
        zone.offset_from_utc_datetime(&instant.naive_utc())
            .fix()
            .local_minus_utc(),
    )
}

fn local_at(zone: Tz, second: i64) -> NaiveDateTime {
    DateTime::from_timestamp(second + offset_at(zone, second), 0)
        .unwrap()
        .naive_utc()
}

/// The first second of each new offset.
fn changes_of(zone: Tz) -> Vec<i64> {
    let mut changes = Vec::new();
    let mut at = FROM;
    while at < UNTIL {
        if offset_at(zone, at) != offset_at(zone, at + DAY) {
            let (mut low, mut high) = (at, at + DAY);
            while high - low > 1 {
                let middle = i64::midpoint(low, high);
                if offset_at(zone, middle) == offset_at(zone, low) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            changes.push(high);
        }
        at += DAY;
    }
    changes
}

/// The fires in [from, until) by a walk over every minute of the clock, and over those that it skips.
fn fires_by_walking(case: &Case, zone: Tz, from: i64, until: i64) -> BTreeSet<i64> {
    let mut fires = BTreeSet::new();
    let mut shown = BTreeSet::new();
    // The walk begins a day early, so that it knows what the clock has shown before.
    let mut last = local_at(zone, from - DAY - 60);
    for second in (from - DAY..until).step_by(60) {
        let local = local_at(zone, second);
        let is_first_showing = shown.insert(local);
        let mut skipped = last + chrono::Duration::minutes(1);
        let mut fires_now = (case.matches)(local) && (case.follows_the_clock || is_first_showing);
        while skipped < local && !case.follows_the_clock {
            shown.insert(skipped);
            fires_now |= (case.matches)(skipped);
            skipped += chrono::Duration::minutes(1);
        }
        if fires_now && second >= from {
            fires.insert(second);
        }
        last = local;
    }
    fires
}

#[test]
fn every_clock_change_of_every_zone_in_ten_years() {
    // Many zones share their clock, and rules repeat: one change of each kind and clock is enough.
    let mut seen = BTreeSet::new();
    for zone in TZ_VARIANTS {
        for change in changes_of(zone) {
            let before = offset_at(zone, change - 1);
            let after = offset_at(zone, change);
            let time = local_at(zone, change - 1).time();
            if seen.insert((before, after, time)) {
                for case in &CASES {
                    check_window(case, zone, change - 6 * 3600, change + 30 * 3600);
                }
            }
        }
    }
    assert!(seen.len() > 40, "{}", seen.len());
}

fn check_window(case: &Case, zone: Tz, from: i64, until: i64) {
    let times = CronTimes::new(case.cron.parse().unwrap(), zone);
    let expected = fires_by_walking(case, zone, from, until);
    let mut found = BTreeSet::new();
    let mut at = Timestamp(from * 1000 - 1);
    while let Some(next) = times.next_after(at) {
        assert!(next > at, "{} in {zone} after {at:?}", case.cron);
        if next.0 >= until * 1000 {
            break;
        }
        found.insert(next.0 / 1000);
        at = next;
    }
    assert_eq!(found, expected, "{} in {zone} from {from}", case.cron);
    let mut backwards = BTreeSet::new();
    let mut at = Timestamp(until * 1000);
    while let Some(last) = times.last_before(at) {
        assert!(last < at, "{} in {zone} before {at:?}", case.cron);
        if last.0 < from * 1000 {
            break;
        }
        backwards.insert(last.0 / 1000);
        at = last;
    }
    assert_eq!(
        backwards, expected,
        "{} in {zone} backwards from {until}",
        case.cron
    );
}
