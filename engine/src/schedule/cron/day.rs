//! What the two day fields match.

use chrono::{Datelike, Months, NaiveDate, Weekday};

use super::value_set::ValueSet;

/// The days of a month that an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DaysOfMonth {
    pub(super) numbers: ValueSet,
    pub(super) special: Vec<SpecialDay>,
}

/// A day of a month that is no fixed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpecialDay {
    /// So many days before the last day.
    BeforeLast(u32),
    /// The last Monday to Friday.
    LastWorkday,
    /// The Monday to Friday nearest to a day, in the same month.
    WorkdayNearest(u32),
}

/// The days of a week that an expression names, as days from Sunday (0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DaysOfWeek {
    pub(super) numbers: ValueSet,
    pub(super) special: Vec<SpecialWeekday>,
}

/// One day of a week in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpecialWeekday {
    /// The last such day.
    Last(u32),
    /// The k-th such day, from 1.
    Nth(u32, u32),
}

impl DaysOfMonth {
    pub(super) fn contains(&self, date: NaiveDate) -> bool {
        self.numbers.contains(date.day()) || self.special.iter().any(|day| day.is(date))
    }
}

impl DaysOfWeek {
    pub(super) fn contains(&self, date: NaiveDate) -> bool {
        self.numbers.contains(date.weekday().num_days_from_sunday())
            || self.special.iter().any(|day| day.is(date))
    }
}

impl SpecialDay {
    fn is(self, date: NaiveDate) -> bool {
        let last = last_day_of_month(date);
        match self {
            Self::BeforeLast(days) => date.day() + days == last,
            Self::LastWorkday => is_workday_nearest(date, last, last),
            Self::WorkdayNearest(day) => day <= last && is_workday_nearest(date, day, last),
        }
    }
}

impl SpecialWeekday {
    fn is(self, date: NaiveDate) -> bool {
        let weekday = date.weekday().num_days_from_sunday();
        match self {
            Self::Last(day) => weekday == day && date.day() + 7 > last_day_of_month(date),
            Self::Nth(day, nth) => weekday == day && (date.day() - 1) / 7 + 1 == nth,
        }
    }
}

/// Whether `date` is the Monday to Friday nearest to a day of its month, whose last day is `last`.
fn is_workday_nearest(date: NaiveDate, day: u32, last: u32) -> bool {
    let Some(weekday) = date.with_day(day).map(|date| date.weekday()) else {
        return false;
    };
    let nearest = match weekday {
        Weekday::Sat if day == 1 => day + 2,
        Weekday::Sat => day - 1,
        Weekday::Sun if day == last => day - 2,
        Weekday::Sun => day + 1,
        _ => day,
    };
    date.day() == nearest
}

fn last_day_of_month(date: NaiveDate) -> u32 {
    date.with_day(1)
        .and_then(|first| first.checked_add_months(Months::new(1)))
        .and_then(|next| next.pred_opt())
        .map_or(31, |last| last.day())
}
