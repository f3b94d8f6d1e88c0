//! The fields of an expression and what stands in them.

use crate::date_names::{MONTHS, WEEKDAYS};

/// A field of a cron expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronField {
    /// 0 to 59.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31, and `L`, `L-n`, `LW`, `nW`.
    DayOfMonth,
    /// 1 to 12, or JAN to DEC.
    Month,
    /// Of five fields: 0 to 7, where 0 and 7 are Sunday, or SUN to SAT, and `L`, `nL`, `n#k`.
    UnixDayOfWeek,
    /// Of six or seven fields: 1 (Sunday) to 7, or SUN to SAT, and `L`, `nL`, `n#k`.
    QuartzDayOfWeek,
    /// 1970 to 2099.
    Year,
}

/// The letters of a name that stand for a month or a day of the week.
const SHORT_NAME: usize = 3;

impl CronField {
    /// The name that users know.
    pub fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::UnixDayOfWeek | Self::QuartzDayOfWeek => "day of week",
            Self::Year => "year",
        }
    }

    /// What the field may hold, in words.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0-59",
            Self::Hour => "0-23",
            Self::DayOfMonth => "1-31, L, L-n (n from 1 to 30), LW, nW, or ?",
            Self::Month => "1-12 or JAN-DEC",
            Self::UnixDayOfWeek => "0-7 (0 and 7 are Sunday) or SUN-SAT, L, nL, n#k (k from 1 to 5), or ?",
            Self::QuartzDayOfWeek => "1-7 (1 is Sunday) or SUN-SAT, L, nL, n#k (k from 1 to 5), or ?",
            Self::Year => "1970-2099",
        }
    }

    /// The first and the last value of `*`.
    pub(super) fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::UnixDayOfWeek => (0, 6),
            Self::QuartzDayOfWeek => (1, 7),
            Self::Year => (1970, 2099),
        }
    }

    /// How many values `*` has.
    pub(super) fn size(self) -> u32 {
        let (first, last) = self.bounds();
        last - first + 1
    }

    /// A number of the field, or a name that stands for one.
    pub(super) fn value_of(self, text: &str) -> Option<u32> {
        let (first, last) = self.bounds();
        if !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let number: u32 = text.parse().ok()?;
            let is_second_sunday = self == Self::UnixDayOfWeek && number == 7;
            return (is_second_sunday || (first..=last).contains(&number)).then_some(number);
        }
        let names: &[&str] = match self {
            Self::Month => &MONTHS,
            Self::UnixDayOfWeek | Self::QuartzDayOfWeek => &WEEKDAYS,
            _ => return None,
        };
        let index = names
            .iter()
            .position(|name| name[..SHORT_NAME].eq_ignore_ascii_case(text))?;
        Some(first + u32::try_from(index).ok()?)
    }
}
