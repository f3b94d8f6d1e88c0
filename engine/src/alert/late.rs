//! When an instance is late.

use chrono::{DateTime, Days, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::ids::Timestamp;
use crate::schedule::local_time::first_instant_of;
use crate::timezone::Tz;

/// By when an instance has to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateLimit {
    /// The first of this local time after its `scheduled_at`, in minutes of the day.
    By(u32),
    /// So many milliseconds after its `scheduled_at`.
    After(i64),
}

/// Returns when an instance is late; `zone` is its own.
pub fn late_at(limit: LateLimit, scheduled_at: Timestamp, zone: Tz) -> Option<Timestamp> {
    let minutes = match limit {
        LateLimit::After(ms) => return Some(scheduled_at.plus(ms)),
        LateLimit::By(minutes) => minutes,
    };
    let scheduled = DateTime::from_timestamp_millis(scheduled_at.0)?.with_timezone(&zone);
    let time = NaiveTime::from_num_seconds_from_midnight_opt(minutes * 60, 0)?;
    // A time that the clocks skip is the first instant after the gap, so that it may be reached a day earlier or later.
    (0..3).find_map(|days| {
        let date = scheduled.date_naive().checked_add_days(Days::new(days))?;
        let at = first_instant_of(date.and_time(time), zone)?;
        (at > scheduled).then(|| Timestamp(at.timestamp_millis()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    const HALF_PAST_SIX: LateLimit = LateLimit::By(6 * 60 + 30);

    #[test]
    fn the_first_local_time_after_the_planned_one_counts() {
        let cases = [
            (
                "2026-01-10T02:00:00+01:00",
                Tz::Europe__Berlin,
                "2026-01-10T06:30:00+01:00",
            ),
            (
                "2026-01-10T06:30:00+01:00",
                Tz::Europe__Berlin,
                "2026-01-11T06:30:00+01:00",
            ),
            (
                "2026-01-10T23:00:00+01:00",
                Tz::Europe__Berlin,
                "2026-01-11T06:30:00+01:00",
            ),
            // The clocks go forward in this night: the day has 23 hours.
            (
                "2026-03-28T07:00:00+01:00",
                Tz::Europe__Berlin,
                "2026-03-29T06:30:00+02:00",
            ),
            ("2026-01-10T02:00:00Z", Tz::UTC, "2026-01-10T06:30:00Z"),
        ];
        for (scheduled, zone, expected) in cases {
            assert_eq!(
                late_at(HALF_PAST_SIX, at(scheduled), zone),
                Some(at(expected)),
                "{scheduled}"
            );
        }
    }

    #[test]
    fn a_time_that_the_clocks_skip_is_the_end_of_the_gap() {
        let limit = LateLimit::By(2 * 60 + 30);
        let late = late_at(limit, at("2026-03-29T01:00:00+01:00"), Tz::Europe__Berlin);
        assert_eq!(late, Some(at("2026-03-29T03:00:00+02:00")));
    }

    #[test]
    fn a_duration_is_elapsed_time() {
        let limit = LateLimit::After(7_200_000);
        let late = late_at(limit, at("2026-03-29T01:00:00+01:00"), Tz::Europe__Berlin);
        assert_eq!(late, Some(at("2026-03-29T04:00:00+02:00")));
    }
}
