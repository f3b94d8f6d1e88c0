//! Worked rows, and every zone against a walk over the clock.

mod clock_changes;

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use chrono_tz::Tz;
use serde_json::Value;

use super::calendar::Calendar;
use super::{Cron, CronTimes, FireTimes, Recurrence, Window, jitter_of};
use crate::ids::Timestamp;
use crate::states::CalendarDays;

fn timestamp(text: &str) -> Timestamp {
    Timestamp(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

#[test]
fn the_worked_rows_hold() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("tests/cron_cases.json")).unwrap();
    for row in &rows {
        let expression = row["expression"].as_str().unwrap();
        if let Some(code) = row["refused"].as_str() {
            let error = expression.parse::<Cron>().expect_err(expression);
            assert_eq!(error.code(), code, "{row}");
            continue;
        }
        let zone: Tz = row["zone"].as_str().unwrap().parse().unwrap();
        let times = CronTimes::new(expression.parse().unwrap(), zone);
        let mut at = timestamp(row["after"].as_str().unwrap());
        for expected in row["next"].as_array().unwrap() {
            let next = times
                .next_after(at)
                .unwrap_or_else(|| panic!("{row}: nothing after {at:?}"));
            let shown = DateTime::from_timestamp_millis(next.0)
                .unwrap()
                .with_timezone(&zone);
            assert_eq!(
                shown.to_rfc3339_opts(SecondsFormat::Secs, false),
                expected.as_str().unwrap(),
                "{row}"
            );
            assert_eq!(times.last_before(Timestamp(next.0 + 1)), Some(next), "{row}");
            at = next;
        }
        if row["then_none"].as_bool().unwrap() {
            assert_eq!(times.next_after(at), None, "{row}");
        }
    }
    assert!(rows.len() > 50);
}

fn fire_times(recurrence: Recurrence, window: Window, calendar: Option<Calendar>) -> FireTimes {
    FireTimes::new(recurrence, Tz::UTC, window, calendar.map(Arc::new))
}

fn cron(expression: &str) -> Recurrence {
    let cron = expression.parse().unwrap();
    Recurrence::Cron(Box::new(CronTimes::new(cron, Tz::UTC)))
}

fn shown(times: &FireTimes, after: &str, count: usize) -> Vec<String> {
    let mut at = timestamp(after);
    let mut shown = Vec::new();
    while let Some(next) = times.next_after(at).filter(|_| shown.len() < count) {
        assert_eq!(times.last_before(Timestamp(next.0 + 1)), Some(next));
        let instant = DateTime::from_timestamp_millis(next.0).unwrap();
        shown.push(instant.format("%m-%d %H:%M:%S").to_string());
        at = next;
    }
    shown
}

#[test]
fn a_window_is_closed_at_both_ends() {
    let window = Window {
        start: Some(timestamp("2026-01-02T00:00:00Z")),
        end: Some(timestamp("2026-01-03T12:00:00Z")),
    };
    let times = fire_times(cron("0 0,12 * * *"), window, None);
    let expected = [
        "01-02 00:00:00",
        "01-02 12:00:00",
        "01-03 00:00:00",
        "01-03 12:00:00",
    ];
    assert_eq!(shown(&times, "2020-01-01T00:00:00Z", 9), expected);
    assert_eq!(times.last_before(timestamp("2026-01-02T00:00:00Z")), None);
    assert_eq!(times.last_before(timestamp("2030-01-01T00:00:00Z")), window.end);
}

#[test]
fn an_interval_counts_elapsed_time_from_its_start() {
    let recurrence = Recurrence::Every {
        start: timestamp("2026-01-01T00:00:00Z"),
        interval_ms: 90 * 60 * 1000,
    };
    let times = fire_times(recurrence, Window::default(), None);
    assert_eq!(
        shown(&times, "2025-01-01T00:00:00Z", 2),
        ["01-01 00:00:00", "01-01 01:30:00"]
    );
    assert_eq!(shown(&times, "2026-01-01T01:29:59.999Z", 1), ["01-01 01:30:00"]);
    assert_eq!(shown(&times, "2026-01-01T01:30:00Z", 1), ["01-01 03:00:00"]);
    assert_eq!(times.last_before(timestamp("2026-01-01T00:00:00Z")), None);
}

#[test]
fn a_calendar_takes_dates_away_and_gives_dates_back() {
    let date = |text: &str| text.parse().unwrap();
    let calendar = Calendar {
        zone: Some(Tz::Asia__Shanghai),
        days: CalendarDays::Weekdays,
        exclude: [date("2026-10-01"), date("2026-10-02")].into(),
        include: [date("2026-10-10"), date("2026-10-02")].into(),
    };
    // 22:00 in UTC is 06:00 of the next date in Shanghai.
    let times = fire_times(cron("0 22 * * *"), Window::default(), Some(calendar));
    let expected = ["09-29 22:00:00", "10-01 22:00:00", "10-04 22:00:00"];
    assert_eq!(shown(&times, "2026-09-29T00:00:00Z", 3), expected);
    assert_eq!(shown(&times, "2026-10-08T22:00:00Z", 1), ["10-09 22:00:00"]);
}

#[test]
fn a_calendar_without_dates_ends_the_search() {
    let calendar = Calendar {
        zone: None,
        days: CalendarDays::Weekdays,
        exclude: [].into(),
        include: [].into(),
    };
    let times = fire_times(cron("* * * * * SUN"), Window::default(), Some(calendar));
    assert_eq!(times.next_after(timestamp("2026-01-01T00:00:00Z")), None);
    assert_eq!(times.last_before(timestamp("2026-01-01T00:00:00Z")), None);
}

#[test]
fn jitter_is_fixed_for_a_fire_and_spread_below_its_limit() {
    let limit = 30_000;
    let delays: Vec<u64> = (0..1000)
        .map(|fire| jitter_of(7, Timestamp(fire * 60_000), limit))
        .collect();
    assert_eq!(jitter_of(7, Timestamp(0), limit), delays[0]);
    assert!(delays.iter().all(|delay| *delay < limit));
    let mean = delays.iter().sum::<u64>() / 1000;
    assert!((13_000..17_000).contains(&mean), "{mean}");
    assert_eq!(jitter_of(7, Timestamp(5), 0), 0);
}
