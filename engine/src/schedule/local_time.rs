//! Local times that a clock change skips or repeats.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone as _};
use chrono_tz::{GapInfo, Tz};

/// The first instant at which the local clock shows a time, or, when it skips that time, the first instant after the
/// gap; `None` beyond the times that can be represented.
pub fn first_instant_of(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Tz>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant),
        LocalResult::None => GapInfo::new(&local, &zone)?.end,
    }
}

/// The last instant at which the local clock shows a time, or, when it skips that time, the first instant after the
/// gap; `None` beyond the times that can be represented.
pub fn last_instant_of(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Tz>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(_, instant) => Some(instant),
        LocalResult::None => GapInfo::new(&local, &zone)?.end,
    }
}
