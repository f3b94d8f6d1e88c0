//! Cron expressions with five, six or seven fields.
//!
//! An expression is a set of local times. Which instants these are depends on the zone, and is not decided here.

mod day;
mod describe;
mod error;
mod field;
mod month;
mod parse;
mod value_set;

#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use self::day::{DaysOfMonth, DaysOfWeek};
pub use self::error::CronError;
pub use self::field::CronField;
use self::month::{CalendarMonth, DaySet};
use self::value_set::ValueSet;

/// A parsed cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    seconds: ValueSet,
    minutes: ValueSet,
    hours: ValueSet,
    days_of_month: DaysOfMonth,
    months: ValueSet,
    days_of_week: DaysOfWeek,
    years: ValueSet,
    day_rule: DayRule,
}

/// How the two day fields decide together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayRule {
    /// A day matches both.
    Both,
    /// A day matches one of them: five fields, and both are restricted.
    Either,
}

impl Cron {
    /// Whether the expression matches every hour of a day, so that it follows the local clock through its changes.
    pub fn covers_all_hours(&self) -> bool {
        self.hours.len() == 24
    }

    /// The first matching local time at or after one that is a whole second.
    pub fn first_from(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut date = self.first_date_from(local.date())?;
        if date == local.date() {
            if let Some(time) = self.first_time_from(local.time()) {
                return Some(date.and_time(time));
            }
            date = self.first_date_from(date.succ_opt()?)?;
        }
        Some(date.and_time(self.first_time_from(NaiveTime::MIN)?))
    }

    /// The last matching local time at or before one.
    pub fn last_until(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut date = self.last_date_until(local.date())?;
        if date == local.date() {
            if let Some(time) = self.last_time_until(local.time()) {
                return Some(date.and_time(time));
            }
            date = self.last_date_until(date.pred_opt()?)?;
        }
        let last_second = NaiveTime::from_hms_opt(23, 59, 59)?;
        Some(date.and_time(self.last_time_until(last_second)?))
    }

    /// The days of a month that match both day fields, or one of them.
    fn days_in(&self, month: CalendarMonth) -> DaySet {
        let (by_number, by_weekday) = (
            self.days_of_month.days_in(month),
            self.days_of_week.days_in(month),
        );
        match self.day_rule {
            DayRule::Both => by_number & by_weekday,
            DayRule::Either => by_number | by_weekday,
        }
    }

    fn first_date_from(&self, date: NaiveDate) -> Option<NaiveDate> {
        let begin = (u32::try_from(date.year()).unwrap_or(0), date.month());
        let years = self.years.numbers_from(begin.0);
        let months = years.flat_map(|year| self.months.numbers().map(move |month| (year, month)));
        months.filter(|month| *month >= begin).find_map(|(year, month)| {
            let first = if (year, month) == begin { date.day() } else { 1 };
            let month = CalendarMonth::new(year, month)?;
            month.date(self.days_in(month).first_from(first)?)
        })
    }

    fn last_date_until(&self, date: NaiveDate) -> Option<NaiveDate> {
        let begin = (u32::try_from(date.year()).ok()?, date.month());
        let years = self.years.numbers_until(begin.0);
        let months = years.flat_map(|year| {
            self.months
                .numbers_until(u32::MAX)
                .map(move |month| (year, month))
        });
        months.filter(|month| *month <= begin).find_map(|(year, month)| {
            let last = if (year, month) == begin { date.day() } else { 31 };
            let month = CalendarMonth::new(year, month)?;
            month.date(self.days_in(month).last_until(last)?)
        })
    }

    fn first_time_from(&self, time: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        if self.hours.contains(hour) {
            if self.minutes.contains(minute)
                && let Some(second) = self.seconds.first_from(second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = self.minutes.first_from(minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, self.seconds.first()?);
            }
        }
        let hour = self.hours.first_from(hour + 1)?;
        NaiveTime::from_hms_opt(hour, self.minutes.first()?, self.seconds.first()?)
    }

    fn last_time_until(&self, time: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        if self.hours.contains(hour) {
            if self.minutes.contains(minute)
                && let Some(second) = self.seconds.last_until(second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = minute.checked_sub(1).and_then(|m| self.minutes.last_until(m)) {
                return NaiveTime::from_hms_opt(hour, minute, self.seconds.last()?);
            }
        }
        let hour = self.hours.last_until(hour.checked_sub(1)?)?;
        NaiveTime::from_hms_opt(hour, self.minutes.last()?, self.seconds.last()?)
    }
}

/// The expression as its author wrote it.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
