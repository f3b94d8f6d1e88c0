//! The dates on which a schedule may fire.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate, Weekday};
use chrono_tz::Tz;

use crate::states::CalendarDays;

/// A set of local dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The zone in which an instant has its date; that of the schedule when it is `None`.
    pub zone: Option<Tz>,
    /// The dates that belong to it when nothing else is said.
    pub days: CalendarDays,
    /// Dates that do not belong to it.
    pub exclude: BTreeSet<NaiveDate>,
    /// Dates that belong to it, whatever the other members say.
    pub include: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// Whether a date belongs to the calendar.
    pub fn contains(&self, date: NaiveDate) -> bool {
        let is_weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        let is_usual = match self.days {
            CalendarDays::All => true,
            CalendarDays::Weekdays => !is_weekend,
        };
        self.include.contains(&date) || (is_usual && !self.exclude.contains(&date))
    }
}
