//! Times as people write them: an instant with an offset, a local time, or a date.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};
use chrono_tz::Tz;

use super::local_time::{first_instant_of, last_instant_of};
use crate::ids::Timestamp;

/// The forms of a local time; a blank may stand for `T`.
const LOCAL_FORMATS: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];

/// A time whose zone may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeText {
    /// With an offset.
    Instant(Timestamp),
    /// Without one.
    Local(NaiveDateTime),
    /// A date alone.
    Date(NaiveDate),
}

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a time like `2026-01-31T08:00:00`, with an offset like `2026-01-31T08:00:00+08:00`, or a date like `2026-01-31`"
)]
pub struct InvalidTimeText;

impl TimeText {
    /// Returns the instant at which something begins: the first at which the clock of the zone shows the time, for a
    /// date its first one. `None` beyond the times that can be represented.
    pub fn begin_in(self, zone: Tz) -> Option<Timestamp> {
        let first = match self {
            Self::Instant(at) => return Some(at),
            Self::Local(local) => first_instant_of(local, zone)?,
            Self::Date(date) => first_instant_of(date.and_time(NaiveTime::MIN), zone)?,
        };
        Some(Timestamp(first.timestamp_millis()))
    }

    /// Returns the instant at which something ends: the last at which the clock of the zone shows the time, for a date
    /// its last millisecond. `None` beyond the times that can be represented.
    pub fn end_in(self, zone: Tz) -> Option<Timestamp> {
        let last = match self {
            Self::Instant(at) => return Some(at),
            Self::Local(local) => last_instant_of(local, zone)?,
            Self::Date(date) => last_instant_of(date.and_hms_milli_opt(23, 59, 59, 999)?, zone)?,
        };
        Some(Timestamp(last.timestamp_millis()))
    }
}

impl FromStr for TimeText {
    type Err = InvalidTimeText;

    fn from_str(text: &str) -> Result<Self, InvalidTimeText> {
        let text = text.trim().replacen(' ', "T", 1);
        if let Ok(instant) = DateTime::parse_from_rfc3339(&text) {
            return Ok(Self::Instant(Timestamp(instant.timestamp_millis())));
        }
        if let Ok(date) = NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
            return Ok(Self::Date(date));
        }
        LOCAL_FORMATS
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
            .map(Self::Local)
            .ok_or(InvalidTimeText)
    }
}

/// The canonical text, from which the same time is parsed.
impl fmt::Display for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(at) => match DateTime::from_timestamp_millis(at.0) {
                Some(instant) => f.write_str(&instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
                None => write!(f, "{}", at.0),
            },
            Self::Local(local) => write!(f, "{}", local.format("%Y-%m-%dT%H:%M:%S%.f")),
            Self::Date(date) => write!(f, "{}", date.format("%Y-%m-%d")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(text: &str, zone: Tz) -> (String, String) {
        let time: TimeText = text.parse().unwrap();
        assert_eq!(time.to_string().parse(), Ok(time), "{text}");
        let shown = |at: Option<Timestamp>| {
            let instant = DateTime::from_timestamp_millis(at.unwrap().0).unwrap();
            instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
        };
        (shown(time.begin_in(zone)), shown(time.end_in(zone)))
    }

    #[test]
    fn a_time_begins_at_its_first_instant_and_ends_at_its_last() {
        let new_york = Tz::America__New_York;
        let cases = [
            (
                "2026-03-08T02:30:00",
                "2026-03-08T07:00:00Z",
                "2026-03-08T07:00:00Z",
            ),
            ("2026-11-01 01:30", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"),
            ("2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59.999Z"),
            (
                "2026-11-01T01:30:00-05:00",
                "2026-11-01T06:30:00Z",
                "2026-11-01T06:30:00Z",
            ),
            (
                "2026-11-01 01:30:00.250Z",
                "2026-11-01T01:30:00.250Z",
                "2026-11-01T01:30:00.250Z",
            ),
        ];
        for (text, begin, end) in cases {
            assert_eq!(
                instants(text, new_york),
                (begin.to_owned(), end.to_owned()),
                "{text}"
            );
        }
        for text in [
            "",
            "tomorrow",
            "2026-02-30",
            "2026-01-01T25:00:00",
            "2026-01-01T00:00:00+8",
        ] {
            assert_eq!(text.parse::<TimeText>(), Err(InvalidTimeText), "{text}");
        }
    }
}
