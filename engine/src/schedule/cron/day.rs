//! What the two day fields match.

use super::month::{CalendarMonth, DaySet};
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
    /// The days of a month that match.
    pub(super) fn days_in(&self, month: CalendarMonth) -> DaySet {
        let numbers: DaySet = self.numbers.numbers().map(DaySet::of_day).collect();
        let special = self.special.iter().filter_map(|day| day.day_in(month));
        let special: DaySet = special.map(DaySet::of_day).collect();
        (numbers | special) & month.all_days()
    }
}

impl DaysOfWeek {
    /// The days of a month that match.
    pub(super) fn days_in(&self, month: CalendarMonth) -> DaySet {
        let numbers = self.numbers.numbers().map(|weekday| month.all_on(weekday));
        let special = self.special.iter().filter_map(|day| day.day_in(month));
        numbers.chain(special.map(DaySet::of_day)).collect()
    }
}

impl SpecialDay {
    fn day_in(self, month: CalendarMonth) -> Option<u32> {
        let last = month.last_day();
        match self {
            Self::BeforeLast(days) => last.checked_sub(days).filter(|day| *day > 0),
            Self::LastWorkday => Some(workday_nearest(month, last)),
            Self::WorkdayNearest(day) => (day <= last).then(|| workday_nearest(month, day)),
        }
    }
}

impl SpecialWeekday {
    fn day_in(self, month: CalendarMonth) -> Option<u32> {
        let last = month.last_day();
        match self {
            Self::Last(weekday) => Some(last - (month.weekday_of(last) + 7 - weekday) % 7),
            Self::Nth(weekday, nth) => {
                let day = month.first_on(weekday) + (nth - 1) * 7;
                (day <= last).then_some(day)
            }
        }
    }
}

/// The Monday to Friday nearest to a day of a month.
fn workday_nearest(month: CalendarMonth, day: u32) -> u32 {
    let (sunday, saturday) = (0, 6);
    match month.weekday_of(day) {
        weekday if weekday == saturday && day == 1 => day + 2,
        weekday if weekday == saturday => day - 1,
        weekday if weekday == sunday && day == month.last_day() => day - 2,
        weekday if weekday == sunday => day + 1,
        _ => day,
    }
}
