//! The dates of ranges and lists.

use chrono::DateTime;

use crate::backfill::*;
use crate::ids::Timestamp;
use crate::schedule::{CronTimes, FireTimes, Recurrence, Window};
use crate::timezone::Tz;

fn at(text: &str) -> Timestamp {
    Timestamp(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

fn cron(expression: &str, zone: Tz) -> DateSource {
    let times = CronTimes::new(expression.parse().unwrap(), zone);
    DateSource {
        times: FireTimes::new(Recurrence::Cron(Box::new(times)), zone, Window::default(), None),
        zone,
    }
}

fn range(from: &str, to: &str) -> DateRange {
    DateRange {
        from: at(from),
        to: at(to),
    }
}

fn shown(dates: &[PlannedDate]) -> Vec<String> {
    let instant = |date: &PlannedDate| DateTime::from_timestamp_millis(date.at.0).unwrap();
    dates
        .iter()
        .map(|date| format!("{} {}", instant(date).format("%m-%dT%H:%M"), date.zone))
        .collect()
}

#[test]
fn times_of_several_schedules_are_united_and_the_first_gives_the_zone() {
    let sources = vec![
        cron("0 0 2 * * ?", Tz::Asia__Shanghai),
        cron("0 0 18 * * ?", Tz::UTC),
        cron("0 0 20 * * ?", Tz::UTC),
    ];
    let dates = plan_range(
        range("2026-01-01T18:00:00Z", "2026-01-02T18:00:00Z"),
        sources,
        Tz::UTC,
    );
    assert_eq!(
        shown(&dates.unwrap()),
        [
            "01-01T18:00 Asia/Shanghai",
            "01-01T20:00 UTC",
            "01-02T18:00 Asia/Shanghai"
        ]
    );
}

#[test]
fn an_interval_continues_before_its_start() {
    let hourly = |start: &str| {
        let recurrence = Recurrence::Every {
            start: at(start),
            interval_ms: 3_600_000,
        };
        vec![DateSource {
            times: FireTimes::new(recurrence, Tz::UTC, Window::default(), None),
            zone: Tz::UTC,
        }]
    };
    let wanted = ["01-01T00:10 UTC", "01-01T01:10 UTC", "01-01T02:10 UTC"];
    for start in [
        "2030-05-01T07:10:00Z",
        "2026-01-01T00:10:00Z",
        "2020-01-01T13:10:00Z",
    ] {
        for from in [
            "2026-01-01T00:10:00Z",
            "2025-12-31T23:11:00Z",
            "2025-12-31T23:10:00.001Z",
        ] {
            let dates = plan_range(range(from, "2026-01-01T02:10:00Z"), hourly(start), Tz::UTC);
            assert_eq!(shown(&dates.unwrap()), wanted, "{start} {from}");
        }
    }
}

#[test]
fn a_range_of_one_instant_is_that_instant() {
    let one = range("2026-01-01T03:04:05.678Z", "2026-01-01T03:04:05.678Z");
    let dates = plan_range(one, vec![cron("@daily", Tz::UTC)], Tz::Asia__Tokyo).unwrap();
    assert_eq!(
        dates,
        [PlannedDate {
            at: one.from,
            zone: Tz::Asia__Tokyo
        }]
    );
}

#[test]
fn a_range_has_one_to_ten_thousand_dates() {
    let minutely = || vec![cron("* * * * *", Tz::UTC)];
    let from = "2026-01-01T00:00:00Z";
    let last = at(from).plus(9_999 * 60_000);
    let exact = DateRange {
        from: at(from),
        to: last,
    };
    assert_eq!(plan_range(exact, minutely(), Tz::UTC).unwrap().len(), MAX_DATES);
    let more = DateRange {
        to: last.plus(60_000),
        ..exact
    };
    assert_eq!(plan_range(more, minutely(), Tz::UTC), Err(DatesError::TooMany));
    let none = range("2026-01-01T00:00:01Z", "2026-01-01T00:00:59Z");
    assert_eq!(plan_range(none, minutely(), Tz::UTC), Err(DatesError::Empty));
    assert_eq!(plan_range(none, Vec::new(), Tz::UTC), Err(DatesError::Empty));
}

#[test]
fn a_list_is_sorted_and_without_repetitions() {
    let list = [Timestamp(5), Timestamp(1), Timestamp(5), Timestamp(3)];
    let dates = plan_list(&list, Tz::UTC).unwrap();
    let numbers = |dates: &[PlannedDate]| dates.iter().map(|date| date.at.0).collect::<Vec<_>>();
    assert_eq!(numbers(&dates), [1, 3, 5]);
    assert_eq!(plan_list(&[], Tz::UTC), Err(DatesError::Empty));
    let many: Vec<Timestamp> = (0..10_001).map(Timestamp).collect();
    assert_eq!(plan_list(&many, Tz::UTC), Err(DatesError::TooMany));
    assert!(plan_list(&many[1..], Tz::UTC).is_ok());
}
