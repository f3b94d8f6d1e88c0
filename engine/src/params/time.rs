//! Time expressions, written between `$[` and `]`.
//!
//! An expression is a format with an optional shift in days (`yyyyMMdd-1`, `HHmm+15/24/60`), or a function of a
//! format and a number (`month_begin(yyyyMMdd,-1)`). Whole days move the calendar and keep the time of day; the
//! rest of a shift moves the instant, so that an hour is an hour also on the day of a clock change.

mod arithmetic;
mod pattern;

use chrono::{DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveDateTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use crate::ids::Timestamp;

/// The longest expression.
const MAX_CHARS: usize = 256;

const MINUTES_PER_DAY: i64 = 24 * 60;

/// The instant that time expressions are relative to, in the zone that they are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBase {
    instant: DateTime<Tz>,
}

impl TimeBase {
    /// An instant in UTC.
    pub fn utc(at: Timestamp) -> Self {
        Self::in_zone(at, Tz::UTC)
    }

    /// An instant in a zone.
    pub fn in_zone(at: Timestamp, zone: Tz) -> Self {
        let instant = DateTime::<Utc>::from_timestamp_millis(at.0).unwrap_or_default();
        Self {
            instant: instant.with_timezone(&zone),
        }
    }

    fn local(self) -> NaiveDateTime {
        self.instant.naive_local()
    }

    /// The same zone at another local time: the first instant that has it, or the end of a gap.
    fn at_local(self, local: NaiveDateTime) -> Option<Self> {
        const STEP_MINUTES: i64 = 15;
        const MAX_STEPS: i64 = 24 * 60 / STEP_MINUTES;
        let zone = self.instant.timezone();
        (0..=MAX_STEPS).find_map(|step| {
            let local = local.checked_add_signed(Duration::minutes(step * STEP_MINUTES))?;
            let instant = zone.from_local_datetime(&local).earliest()?;
            Some(Self { instant })
        })
    }

    fn on(self, date: NaiveDate) -> Option<Self> {
        self.at_local(date.and_time(self.local().time()))
    }

    fn plus_days(self, days: i64) -> Option<Self> {
        self.on(add_days(self.local().date(), days)?)
    }

    fn plus_minutes(self, minutes: i64) -> Option<Self> {
        let days = minutes / MINUTES_PER_DAY;
        let rest = Duration::try_minutes(minutes % MINUTES_PER_DAY)?;
        let moved = if days == 0 { self } else { self.plus_days(days)? };
        let instant = moved.instant.checked_add_signed(rest)?;
        Some(Self { instant })
    }

    /// Formats by a pattern; `None` when it is not one.
    pub fn format(self, pattern: &str) -> Option<String> {
        pattern::format(pattern, self.instant)
    }
}

/// Evaluates what stands between `$[` and `]`; `None` when it is not a time expression.
pub fn evaluate(expression: &str, base: TimeBase) -> Option<String> {
    let single_digit = expression.len() == 1 && expression.starts_with(|c: char| c.is_ascii_digit());
    let legal = |c: char| c != '$' && c != ']' && !c.is_control();
    let fits = (1..=MAX_CHARS).contains(&expression.len()) && expression.chars().all(legal);
    if single_digit || !fits {
        return None;
    }
    match function(expression) {
        Some((name, arguments)) => call(name, arguments, base),
        None => plain(expression, base),
    }
}

/// Splits `name(arguments)` for the known names.
fn function(expression: &str) -> Option<(&str, &str)> {
    let (name, rest) = expression.split_once('(')?;
    let arguments = rest.strip_suffix(')')?;
    FUNCTIONS.contains(&name).then_some((name, arguments))
}

const FUNCTIONS: &[&str] = &[
    "add_months",
    "month_begin",
    "month_end",
    "week_begin",
    "week_end",
    "month_first_day",
    "month_last_day",
    "week_first_day",
    "week_last_day",
    "this_day",
    "last_day",
    "year_week",
    "timestamp",
];

/// The last `+` splits format and shift; without any `+` the last `-`; each only before a digit.
fn plain(expression: &str, base: TimeBase) -> Option<String> {
    let sign = if expression.contains('+') { '+' } else { '-' };
    let split = expression
        .rsplit_once(sign)
        .filter(|(_, shift)| shift.starts_with(|c: char| c.is_ascii_digit()));
    let Some((format, shift)) = split else {
        return base.format(expression);
    };
    let minutes = shift_minutes(shift)?;
    let minutes = if sign == '+' {
        minutes
    } else {
        minutes.checked_neg()?
    };
    base.plus_minutes(minutes)?.format(format)
}

/// A shift counts days; what follows its first `/` divides the minutes of them.
fn shift_minutes(shift: &str) -> Option<i64> {
    let (days, divisors) = match shift.find('/') {
        Some(place) => shift.split_at(place),
        None => (shift, ""),
    };
    let days = arithmetic::evaluate(days)?;
    arithmetic::evaluate(&format!("{MINUTES_PER_DAY}*({days}){divisors}"))
}

fn call(name: &str, arguments: &str, base: TimeBase) -> Option<String> {
    if name == "timestamp" {
        return timestamp(arguments, base);
    }
    let (format, number) = match arguments.rsplit_once(',') {
        Some((format, number)) => (format, Some(arithmetic::evaluate(number)?)),
        None => (arguments, None),
    };
    if format.contains(',') {
        return None;
    }
    if name == "year_week" {
        return year_week(format, number.unwrap_or(1), base);
    }
    moved(name, number, base)?.format(format)
}

fn moved(name: &str, number: Option<i64>, base: TimeBase) -> Option<TimeBase> {
    let today = base.local().date();
    let optional = number.unwrap_or(0);
    let monday = |date: NaiveDate| date.week(Weekday::Mon).checked_first_day();
    let date = match (name, number) {
        ("add_months", Some(months)) => add_months(today, months)?,
        ("month_begin", Some(days)) => add_days(today.with_day(1)?, days)?,
        ("month_end", Some(days)) => add_days(month_end(today)?, days)?,
        ("week_begin", Some(days)) => add_days(monday(today)?, days)?,
        ("week_end", Some(days)) => add_days(monday(today)?, days.checked_add(6)?)?,
        ("month_first_day", _) => add_months(today.with_day(1)?, optional)?,
        ("month_last_day", _) => month_end(add_months(today.with_day(1)?, optional)?)?,
        ("week_first_day", _) => add_days(monday(today)?, optional.checked_mul(7)?)?,
        ("week_last_day", _) => add_days(monday(today)?, optional.checked_mul(7)?.checked_add(6)?)?,
        ("this_day", None) => today,
        ("last_day", None) => add_days(today, -1)?,
        _ => return None,
    };
    base.on(date)
}

/// The week of the year that the week belongs to (also around New Year): the first one has at least four days.
fn year_week(format: &str, first_day: i64, base: TimeBase) -> Option<String> {
    if !(1..=7).contains(&first_day) {
        return None;
    }
    base.format(format)?;
    let today = base.local().date();
    let into_week = (i64::from(today.weekday().number_from_monday()) - first_day).rem_euclid(7);
    // The year that has the middle of a week has most of it.
    let middle = add_days(today, 3 - into_week)?;
    let year = middle.year();
    let week = middle.ordinal0() / 7 + 1;
    let dash = if format.contains('-') { "-" } else { "" };
    Some(format!("{year:04}{dash}{week:02}"))
}

/// Seconds since 1970 of a local time that the inner expression writes with 14 digits.
fn timestamp(inner: &str, base: TimeBase) -> Option<String> {
    let is_nested = function(inner).is_some_and(|(name, _)| name == "timestamp");
    let text = if is_nested { None } else { evaluate(inner, base) }?;
    let all_digits = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits {
        return None;
    }
    let local = NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%S").ok()?;
    Some(base.at_local(local)?.instant.timestamp().to_string())
}

fn add_days(date: NaiveDate, days: i64) -> Option<NaiveDate> {
    let count = Days::new(days.unsigned_abs());
    if days < 0 {
        date.checked_sub_days(count)
    } else {
        date.checked_add_days(count)
    }
}

/// Keeps the day of the month, or takes the last one of a shorter month.
fn add_months(date: NaiveDate, months: i64) -> Option<NaiveDate> {
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    if months < 0 {
        date.checked_sub_months(count)
    } else {
        date.checked_add_months(count)
    }
}

fn month_end(date: NaiveDate) -> Option<NaiveDate> {
    add_days(add_months(date.with_day(1)?, 1)?, -1)
}

#[cfg(test)]
mod tests;
