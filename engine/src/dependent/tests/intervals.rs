//! Intervals against the face of the clock, minute by minute.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Offset as _, TimeZone as _, Timelike as _, Weekday};

use crate::dependent::*;
use crate::ids::Timestamp;
use crate::timezone::Tz;

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

fn clock(at: i64, zone: Tz) -> DateTime<Tz> {
    zone.timestamp_millis_opt(at).single().expect("an instant")
}

fn at(text: &str) -> Timestamp {
    Timestamp(
        DateTime::parse_from_rfc3339(text)
            .expect("an instant")
            .timestamp_millis(),
    )
}

/// Whether the clock shows a day of the name, by the words of the name alone.
fn is_day_of(date: DependencyDate, day: NaiveDate, today: NaiveDate) -> bool {
    use DependencyDate as D;
    let ago = (today - day).num_days();
    let is_last_week = day.iso_week() == (today - Days::new(7)).iso_week();
    let last_day = |weekday| is_last_week && day.weekday() == weekday;
    let month = |day: NaiveDate| (day.year(), day.month());
    let is_this_month = month(day) == month(today);
    let is_last_month = month(day) == month(today.with_day(1).expect("a first") - Days::new(1));
    let is_month_end = (day + Days::new(1)).day() == 1;
    match date {
        D::CurrentHour | D::Last1Hour | D::Last2Hours | D::Last3Hours | D::Last24Hours => unreachable!(),
        D::Today => ago == 0,
        D::Last1Days => ago == 1,
        D::Last2Days => (1..=2).contains(&ago),
        D::Last3Days => (1..=3).contains(&ago),
        D::Last7Days => (1..=7).contains(&ago),
        D::ThisWeek => day.iso_week() == today.iso_week() && ago >= 0,
        D::LastWeek => is_last_week,
        D::LastMonday => last_day(Weekday::Mon),
        D::LastTuesday => last_day(Weekday::Tue),
        D::LastWednesday => last_day(Weekday::Wed),
        D::LastThursday => last_day(Weekday::Thu),
        D::LastFriday => last_day(Weekday::Fri),
        D::LastSaturday => last_day(Weekday::Sat),
        D::LastSunday => last_day(Weekday::Sun),
        D::ThisMonth => is_this_month && ago >= 0,
        D::ThisMonthBegin => is_this_month && day.day() == 1,
        D::ThisMonthEnd => is_this_month && is_month_end,
        D::LastMonth => is_last_month,
        D::LastMonthBegin => is_last_month && day.day() == 1,
        D::LastMonthEnd => is_last_month && is_month_end,
    }
}

/// Walks back over the hours that the clock shows, newest first; the first is the one around `anchor`.
fn hours_before(anchor: i64, zone: Tz, count: usize) -> Vec<TimeInterval> {
    let shown = |at: i64| {
        let local = clock(at, zone);
        (
            local.date_naive(),
            local.hour(),
            local.offset().fix().local_minus_utc(),
        )
    };
    let mut hours = Vec::new();
    let mut minute = anchor - anchor.rem_euclid(MINUTE);
    let mut end = minute;
    while shown(end + MINUTE) == shown(minute) {
        end += MINUTE;
    }
    while hours.len() < count {
        let mut from = minute;
        while shown(from - MINUTE) == shown(minute) {
            from -= MINUTE;
        }
        hours.push(TimeInterval {
            from: Timestamp(from),
            to: Timestamp(end + MINUTE - 1),
        });
        minute = from - MINUTE;
        end = minute;
    }
    hours
}

/// Zones with whole, half and quarter hours, and changes at night, at midnight and by half an hour.
const ZONES: [Tz; 7] = [
    Tz::UTC,
    Tz::Asia__Shanghai,
    Tz::Europe__Berlin,
    Tz::America__Havana,
    Tz::Africa__Cairo,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Kathmandu,
];

/// Month ends, a leap day, a Monday, the first of a year, and days on which some of the clocks change.
const ANCHORS: [&str; 9] = [
    "2024-05-15T02:30:00Z",
    "2024-02-29T23:59:59.999Z",
    "2024-03-01T00:00:00Z",
    "2024-01-01T11:00:00Z",
    "2024-03-31T01:10:00Z",
    "2024-10-27T01:40:00Z",
    "2024-04-06T15:10:00Z",
    "2024-11-03T05:20:00Z",
    "2023-04-27T22:30:00Z",
];

#[test]
fn every_instant_of_the_days_of_a_name_is_in_its_intervals_and_no_other() {
    for (zone, anchor) in ZONES
        .iter()
        .flat_map(|zone| ANCHORS.map(|text| (*zone, at(text))))
    {
        let today = clock(anchor.0, zone).date_naive();
        let dates = DependencyDate::ALL
            .iter()
            .filter(|date| date.cycle() != DependencyCycle::Hour);
        let intervals: Vec<(DependencyDate, Vec<TimeInterval>)> = dates
            .map(|date| (*date, dependency_intervals(*date, anchor, zone)))
            .collect();
        let edges = intervals.iter().flat_map(|(_, list)| list);
        let edges = edges.flat_map(|one| [one.from.0 - 1, one.from.0, one.to.0, one.to.0 + 1]);
        let grid = (-65 * 24..35 * 24).map(|hours| anchor.0 + hours * 3_600_000);
        let instants: Vec<i64> = edges.chain(grid).collect();
        for instant in instants {
            let day = clock(instant, zone).date_naive();
            for (date, intervals) in &intervals {
                let inside = intervals.iter().any(|one| one.contains(Timestamp(instant)));
                let wanted = is_day_of(*date, day, today);
                assert_eq!(inside, wanted, "{date} of {today} in {zone}: {day} {instant}");
            }
        }
    }
}

#[test]
fn hours_are_those_that_the_clock_shows_and_a_repeated_one_is_two() {
    let hour_dates = [
        (DependencyDate::Last1Hour, 1),
        (DependencyDate::Last2Hours, 2),
        (DependencyDate::Last3Hours, 3),
        (DependencyDate::Last24Hours, 24),
    ];
    for (zone, anchor) in ZONES
        .iter()
        .flat_map(|zone| ANCHORS.map(|text| (*zone, at(text))))
    {
        for shift in [0, 31 * MINUTE, 90 * MINUTE, DAY / 2] {
            let anchor = anchor.plus(shift);
            let shown = hours_before(anchor.0, zone, 25);
            let current = dependency_intervals(DependencyDate::CurrentHour, anchor, zone);
            assert_eq!(current, shown[..1], "{zone} {anchor}");
            for (date, count) in hour_dates {
                let wanted: Vec<TimeInterval> = shown[1..=count].iter().rev().copied().collect();
                let intervals = dependency_intervals(date, anchor, zone);
                assert_eq!(intervals, wanted, "{date} {zone} {anchor}");
            }
        }
    }
}

#[test]
fn intervals_of_a_known_wednesday() {
    let anchor = at("2024-05-15T02:30:00Z");
    let days = |date: DependencyDate| {
        let intervals = dependency_intervals(date, anchor, Tz::Asia__Shanghai);
        let days = intervals
            .iter()
            .map(|one| clock(one.from.0, Tz::Asia__Shanghai).date_naive());
        (intervals.len(), days.min().map(|day| day.to_string()))
    };
    let cases = [
        (DependencyDate::Today, 1, "2024-05-15"),
        (DependencyDate::Last3Days, 3, "2024-05-12"),
        (DependencyDate::Last7Days, 7, "2024-05-08"),
        (DependencyDate::ThisWeek, 3, "2024-05-13"),
        (DependencyDate::LastWeek, 7, "2024-05-06"),
        (DependencyDate::LastSunday, 1, "2024-05-12"),
        (DependencyDate::ThisMonth, 15, "2024-05-01"),
        (DependencyDate::ThisMonthEnd, 1, "2024-05-31"),
        (DependencyDate::LastMonth, 30, "2024-04-01"),
        (DependencyDate::LastMonthEnd, 1, "2024-04-30"),
        (DependencyDate::Last24Hours, 24, "2024-05-14"),
    ];
    for (date, count, first) in cases {
        assert_eq!(days(date), (count, Some(first.to_owned())), "{date}");
    }
}

#[test]
fn a_day_that_the_clock_skips_is_none() {
    let anchor = at("2012-01-01T00:00:00Z");
    let zone = Tz::Pacific__Apia;
    assert_eq!(clock(anchor.0, zone).date_naive().to_string(), "2012-01-01");
    let days = dependency_intervals(DependencyDate::Last3Days, anchor, zone);
    assert_eq!(days.len(), 2, "2011-12-30 never was: {days:?}");
}
