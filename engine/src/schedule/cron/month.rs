//! One month of the calendar, and sets of its days.

use std::ops::{BitAnd, BitOr};

use chrono::{Datelike, NaiveDate};

/// Bits seven days apart.
const WEEKLY: u32 = 1 | (1 << 7) | (1 << 14) | (1 << 21) | (1 << 28);

/// A month of the calendar.
#[derive(Debug, Clone, Copy)]
pub(super) struct CalendarMonth {
    first: NaiveDate,
    last_day: u32,
}

/// Days of a month: bit 1 is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DaySet(u32);

impl CalendarMonth {
    pub(super) fn new(year: u32, month: u32) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year.try_into().ok()?, month, 1)?;
        let last_day = match month {
            4 | 6 | 9 | 11 => 30,
            2 if first.leap_year() => 29,
            2 => 28,
            _ => 31,
        };
        Some(Self { first, last_day })
    }

    pub(super) fn last_day(self) -> u32 {
        self.last_day
    }

    /// The days of the week of a day, from Sunday (0).
    pub(super) fn weekday_of(self, day: u32) -> u32 {
        (self.first.weekday().num_days_from_sunday() + day - 1) % 7
    }

    /// The first day that is on a day of the week.
    pub(super) fn first_on(self, weekday: u32) -> u32 {
        1 + (weekday + 7 - self.weekday_of(1)) % 7
    }

    /// Every day on a day of the week.
    pub(super) fn all_on(self, weekday: u32) -> DaySet {
        DaySet(WEEKLY << self.first_on(weekday)) & self.all_days()
    }

    pub(super) fn all_days(self) -> DaySet {
        DaySet((u32::MAX >> (31 - self.last_day)) & !1)
    }

    pub(super) fn date(self, day: u32) -> Option<NaiveDate> {
        self.first.with_day(day)
    }
}

impl DaySet {
    pub(super) const EMPTY: Self = Self(0);

    /// A set of one day; of none past the end of every month.
    pub(super) fn of_day(day: u32) -> Self {
        Self(1_u32.checked_shl(day).unwrap_or(0))
    }

    /// The first day that is not before `day`.
    pub(super) fn first_from(self, day: u32) -> Option<u32> {
        let rest = self.0 & u32::MAX.checked_shl(day).unwrap_or(0);
        (rest != 0).then(|| rest.trailing_zeros())
    }

    /// The last day that is not after `day`.
    pub(super) fn last_until(self, day: u32) -> Option<u32> {
        let rest = self.0 & (u32::MAX >> 31_u32.saturating_sub(day));
        rest.checked_ilog2()
    }
}

impl BitAnd for DaySet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for DaySet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Self> for DaySet {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(Self::EMPTY, BitOr::bitor)
    }
}
