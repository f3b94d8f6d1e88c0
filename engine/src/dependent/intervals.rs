//! The days and hours that an item waits for.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Offset as _, TimeZone as _, Timelike as _};

use super::dates::{DependencyCycle, DependencyDate};
use crate::ids::Timestamp;
use crate::schedule::local_time::first_instant_of;
use crate::timezone::Tz;

const HOUR_MS: i64 = 3_600_000;

/// A closed interval of instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeInterval {
    /// The first instant in it.
    pub from: Timestamp,
    /// The last instant in it.
    pub to: Timestamp,
}

impl TimeInterval {
    /// Whether an instant lies in it.
    pub fn contains(self, at: Timestamp) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

/// Lists the days or hours of a date name, oldest first, on the clock of a zone. A repeated hour is two; an hour or a day
/// that the clock skips is none.
pub fn dependency_intervals(date: DependencyDate, anchor: Timestamp, zone: Tz) -> Vec<TimeInterval> {
    match date.cycle() {
        DependencyCycle::Hour => hours(date, anchor, zone),
        DependencyCycle::Day | DependencyCycle::Week | DependencyCycle::Month => {
            let days = local_date(anchor, zone).and_then(|day| days_of(date, day));
            let days = days.map(|(first, last)| day_intervals(first, last, zone));
            days.unwrap_or_default()
        }
        DependencyCycle::None => Vec::new(),
    }
}

/// Returns the beginning of the hour, day, week or month around an instant, on the clock of a zone; none for a cycle
/// without intervals.
pub fn cycle_interval_start(cycle: DependencyCycle, at: Timestamp, zone: Tz) -> Option<Timestamp> {
    let day = match cycle {
        DependencyCycle::None => return None,
        DependencyCycle::Hour => return hour_of(at, zone).map(|hour| hour.from),
        DependencyCycle::Day => local_date(at, zone)?,
        DependencyCycle::Week => {
            let today = local_date(at, zone)?;
            today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday())))?
        }
        DependencyCycle::Month => local_date(at, zone)?.with_day(1)?,
    };
    day_start(day, zone)
}

/// Returns the first and the last day of a date name.
fn days_of(date: DependencyDate, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    use DependencyDate as D;
    let back = |days: u64| today.checked_sub_days(Days::new(days));
    let monday = back(u64::from(today.weekday().num_days_from_monday()))?;
    let last_monday = monday.checked_sub_days(Days::new(7))?;
    let of_last_week = |day: u64| last_monday.checked_add_days(Days::new(day));
    let first = today.with_day(1)?;
    let last_first = first.checked_sub_months(Months::new(1))?;
    let one = |day: Option<NaiveDate>| day.map(|day| (day, day));
    match date {
        D::CurrentHour | D::Last1Hour | D::Last2Hours | D::Last3Hours | D::Last24Hours => None,
        D::Today => one(Some(today)),
        D::Last1Days => one(back(1)),
        D::Last2Days => Some((back(2)?, back(1)?)),
        D::Last3Days => Some((back(3)?, back(1)?)),
        D::Last7Days => Some((back(7)?, back(1)?)),
        D::ThisWeek => Some((monday, today)),
        D::LastWeek => Some((last_monday, of_last_week(6)?)),
        D::LastMonday => one(Some(last_monday)),
        D::LastTuesday => one(of_last_week(1)),
        D::LastWednesday => one(of_last_week(2)),
        D::LastThursday => one(of_last_week(3)),
        D::LastFriday => one(of_last_week(4)),
        D::LastSaturday => one(of_last_week(5)),
        D::LastSunday => one(of_last_week(6)),
        D::ThisMonth => Some((first, today)),
        D::ThisMonthBegin => one(Some(first)),
        D::ThisMonthEnd => one(first.checked_add_months(Months::new(1))?.pred_opt()),
        D::LastMonth => Some((last_first, first.pred_opt()?)),
        D::LastMonthBegin => one(Some(last_first)),
        D::LastMonthEnd => one(first.pred_opt()),
    }
}

fn day_intervals(first: NaiveDate, last: NaiveDate, zone: Tz) -> Vec<TimeInterval> {
    let days = first.iter_days().take_while(|day| *day <= last);
    let intervals = days.filter_map(|day| {
        Some(TimeInterval {
            from: day_start(day, zone)?,
            to: day_start(day.succ_opt()?, zone)?.plus(-1),
        })
    });
    intervals
        .filter(|interval| interval.from <= interval.to)
        .collect()
}

fn day_start(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    let start = first_instant_of(day.and_hms_opt(0, 0, 0)?, zone)?;
    Some(Timestamp(start.timestamp_millis()))
}

fn hours(date: DependencyDate, anchor: Timestamp, zone: Tz) -> Vec<TimeInterval> {
    let before = match date {
        DependencyDate::Last1Hour => 1,
        DependencyDate::Last2Hours => 2,
        DependencyDate::Last3Hours => 3,
        DependencyDate::Last24Hours => 24,
        _ => return hour_of(anchor, zone).into_iter().collect(),
    };
    let current = hour_of(anchor, zone);
    let earlier = std::iter::successors(current, |hour| hour_of(hour.from.plus(-1), zone));
    let mut hours: Vec<TimeInterval> = earlier.skip(1).take(before).collect();
    hours.reverse();
    hours
}

/// Returns the hour of the clock around an instant. Where the clock changes within it, it begins or ends there.
fn hour_of(at: Timestamp, zone: Tz) -> Option<TimeInterval> {
    let past = ms_into_hour(at, zone)?;
    let (start, end) = (at.plus(-past), at.plus(HOUR_MS - past));
    Some(TimeInterval {
        from: change_between(start, at, zone)?.unwrap_or(start),
        to: change_between(at, end.plus(-1), zone)?.unwrap_or(end).plus(-1),
    })
}

fn ms_into_hour(at: Timestamp, zone: Tz) -> Option<i64> {
    let local = local_time(at, zone)?;
    let seconds = i64::from(local.minute()) * 60 + i64::from(local.second());
    Some(seconds * 1_000 + i64::from(local.timestamp_subsec_millis()))
}

/// Returns the first instant after `from` and up to `to` at which the clock runs with the offset of `to`; none when that
/// is the offset of `from`. No zone changes twice within an hour.
fn change_between(from: Timestamp, to: Timestamp, zone: Tz) -> Option<Option<Timestamp>> {
    let after = offset_seconds(to, zone)?;
    if offset_seconds(from, zone)? == after {
        return Some(None);
    }
    let (mut before, mut since) = (from.0, to.0);
    while since - before > 1 {
        let middle = before + (since - before) / 2;
        if offset_seconds(Timestamp(middle), zone)? == after {
            since = middle;
        } else {
            before = middle;
        }
    }
    Some(Some(Timestamp(since)))
}

fn offset_seconds(at: Timestamp, zone: Tz) -> Option<i32> {
    Some(local_time(at, zone)?.offset().fix().local_minus_utc())
}

fn local_date(at: Timestamp, zone: Tz) -> Option<NaiveDate> {
    Some(local_time(at, zone)?.date_naive())
}

fn local_time(at: Timestamp, zone: Tz) -> Option<DateTime<Tz>> {
    zone.timestamp_millis_opt(at.0).single()
}
