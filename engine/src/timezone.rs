//! Time zones by their IANA names.

use std::str::FromStr as _;

use chrono::{DateTime, FixedOffset, Offset as _, SecondsFormat, TimeZone as _, Utc};
pub use chrono_tz::{IANA_TZDB_VERSION as ZONE_DATA_VERSION, Tz};

use crate::ids::Timestamp;
use crate::spec::names;

/// The most characters of a wrong name that a message repeats.
const MAX_SHOWN: usize = 60;

/// A name that no zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{name}`; {hint}")]
pub struct UnknownTimezone {
    /// What was read, cut to a readable length.
    name: String,
    /// What to write instead.
    hint: String,
}

/// Finds a zone by its exact IANA name.
///
/// # Errors
/// No zone has this name; the message names the nearest one.
pub fn parse_timezone(name: &str) -> Result<Tz, UnknownTimezone> {
    Tz::from_str(name).map_err(|_| UnknownTimezone {
        name: name.chars().take(MAX_SHOWN).collect(),
        hint: match nearest_timezone(name) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write an IANA name like `Asia/Shanghai` or `UTC`".to_owned(),
        },
    })
}

/// Formats an instant in UTC, RFC 3339 with milliseconds.
pub fn format_utc(at: Timestamp) -> String {
    instant(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Formats an instant in a zone, RFC 3339 with a numeric offset.
///
/// RFC 3339 has no seconds in offsets. Where a zone has them the offset is rounded down, and the instant stays.
pub fn format_local(at: Timestamp, zone: Tz) -> String {
    let instant = instant(at);
    let seconds = zone
        .offset_from_utc_datetime(&instant.naive_utc())
        .fix()
        .local_minus_utc();
    let offset = FixedOffset::east_opt(seconds - seconds.rem_euclid(60)).unwrap_or_else(|| Utc.fix());
    instant
        .with_timezone(&offset)
        .to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// Formats the date of an instant in a zone, like `2026-01-31`.
pub fn format_date(at: Timestamp, zone: Tz) -> String {
    instant(at).with_timezone(&zone).date_naive().to_string()
}

fn instant(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or_default()
}

/// Finds the zone that was probably meant: the one of that city, else the one that is spelt most alike.
fn nearest_timezone(name: &str) -> Option<&'static str> {
    let all = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let city = name.replace(' ', "_");
    let is_city = |zone: &&str| {
        let last = zone.rsplit('/').next();
        last.is_some_and(|last| last.eq_ignore_ascii_case(&city))
    };
    let same_letters = all().find(|zone| zone.eq_ignore_ascii_case(name));
    same_letters
        .or_else(|| all().find(is_city))
        .or_else(|| names::nearest(name, all()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_shows_its_offset_and_is_the_same_instant() {
        let cases = [
            (Tz::UTC, 0, "1970-01-01T00:00:00+00:00"),
            (
                Tz::Asia__Kathmandu,
                1_767_225_600_250,
                "2026-01-01T05:45:00.250+05:45",
            ),
            (
                Tz::America__St_Johns,
                1_767_225_600_000,
                "2025-12-31T20:30:00-03:30",
            ),
            (Tz::Africa__Monrovia, 0, "1969-12-31T23:15:00-00:45"),
        ];
        for (zone, at, text) in cases {
            assert_eq!(format_local(Timestamp(at), zone), text);
            let same = DateTime::parse_from_rfc3339(text).unwrap();
            assert_eq!(same.timestamp_millis(), at, "{text}");
        }
        assert_eq!(
            format_utc(Timestamp(1_767_225_600_250)),
            "2026-01-01T00:00:00.250Z"
        );
    }

    #[test]
    fn a_zone_is_found_by_its_exact_name_only() {
        assert_eq!(parse_timezone("Asia/Shanghai"), Ok(Tz::Asia__Shanghai));
        assert_eq!(parse_timezone("UTC"), Ok(Tz::UTC));
        let wrong = [
            ("Asia/Shangha", "did you mean `Asia/Shanghai`?"),
            ("asia/shanghai", "did you mean `Asia/Shanghai`?"),
            ("new york", "did you mean `America/New_York`?"),
            ("Mars/Base", "write an IANA name"),
            ("", "write an IANA name"),
        ];
        for (name, hint) in wrong {
            let message = parse_timezone(name).unwrap_err().to_string();
            assert!(message.contains(hint), "{name}: {message}");
        }
    }
}
