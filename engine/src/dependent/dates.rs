//! The names of the intervals that an item may wait for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::states::{UnknownName, named};

named!(
    /// What the intervals of an item are.
    DependencyCycle {
        /// Hours of the clock.
        Hour = "hour",
        /// Days.
        Day = "day",
        /// Days of a week.
        Week = "week",
        /// Days of a month.
        Month = "month",
        /// No interval: what ended lately.
        None = "none",
    }
);

named!(
    /// The intervals of an item, relative to the base instant of the waiting instance.
    DependencyDate {
        /// The hour of the base instant.
        CurrentHour = "currentHour",
        /// The hour before it.
        Last1Hour = "last1Hour",
        /// The two hours before it.
        Last2Hours = "last2Hours",
        /// The three hours before it.
        Last3Hours = "last3Hours",
        /// The 24 hours before it.
        Last24Hours = "last24Hours",
        /// The day of the base instant.
        Today = "today",
        /// The day before it.
        Last1Days = "last1Days",
        /// The two days before it.
        Last2Days = "last2Days",
        /// The three days before it.
        Last3Days = "last3Days",
        /// The seven days before it.
        Last7Days = "last7Days",
        /// From Monday to the day of the base instant.
        ThisWeek = "thisWeek",
        /// Monday to Sunday of the week before.
        LastWeek = "lastWeek",
        /// Monday of the week before.
        LastMonday = "lastMonday",
        /// Tuesday of the week before.
        LastTuesday = "lastTuesday",
        /// Wednesday of the week before.
        LastWednesday = "lastWednesday",
        /// Thursday of the week before.
        LastThursday = "lastThursday",
        /// Friday of the week before.
        LastFriday = "lastFriday",
        /// Saturday of the week before.
        LastSaturday = "lastSaturday",
        /// Sunday of the week before.
        LastSunday = "lastSunday",
        /// From the first of the month to the day of the base instant.
        ThisMonth = "thisMonth",
        /// The first day of the month.
        ThisMonthBegin = "thisMonthBegin",
        /// The last day of the month.
        ThisMonthEnd = "thisMonthEnd",
        /// All days of the month before.
        LastMonth = "lastMonth",
        /// The first day of the month before.
        LastMonthBegin = "lastMonthBegin",
        /// The last day of the month before.
        LastMonthEnd = "lastMonthEnd",
    }
);

impl DependencyDate {
    /// Returns the one cycle that the name belongs to.
    pub fn cycle(self) -> DependencyCycle {
        match self {
            Self::CurrentHour | Self::Last1Hour | Self::Last2Hours | Self::Last3Hours | Self::Last24Hours => {
                DependencyCycle::Hour
            }
            Self::Today | Self::Last1Days | Self::Last2Days | Self::Last3Days | Self::Last7Days => {
                DependencyCycle::Day
            }
            Self::ThisWeek
            | Self::LastWeek
            | Self::LastMonday
            | Self::LastTuesday
            | Self::LastWednesday
            | Self::LastThursday
            | Self::LastFriday
            | Self::LastSaturday
            | Self::LastSunday => DependencyCycle::Week,
            Self::ThisMonth
            | Self::ThisMonthBegin
            | Self::ThisMonthEnd
            | Self::LastMonth
            | Self::LastMonthBegin
            | Self::LastMonthEnd => DependencyCycle::Month,
        }
    }

    /// Lists the names of a cycle.
    pub fn of_cycle(cycle: DependencyCycle) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |date| date.cycle() == cycle)
    }
}
