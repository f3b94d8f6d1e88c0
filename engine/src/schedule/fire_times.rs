//! The instants at which a schedule fires: its recurrence, within its window, on the dates of its calendar.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::calendar::Calendar;
use super::cron_times::CronTimes;
use super::local_time::{first_instant_of, last_instant_of};
use crate::ids::Timestamp;

/// What repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recurrence {
    /// A cron expression in a zone.
    Cron(Box<CronTimes>),
    /// `start` and every `interval_ms` after it, in elapsed time.
    Every {
        /// The first fire.
        start: Timestamp,
        /// Milliseconds between two fires, at least 1.
        interval_ms: i64,
    },
}

/// The first and the last possible fire, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// No fire is before it.
    pub start: Option<Timestamp>,
    /// No fire is after it.
    pub end: Option<Timestamp>,
}

/// The fire times of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FireTimes {
    recurrence: Recurrence,
    zone: Tz,
    window: Window,
    calendar: Option<Arc<Calendar>>,
}

impl FireTimes {
    /// The fire times of a recurrence; `zone` is that in which dates of the calendar are read.
    pub fn new(recurrence: Recurrence, zone: Tz, window: Window, calendar: Option<Arc<Calendar>>) -> Self {
        Self {
            recurrence,
            zone,
            window,
            calendar,
        }
    }

    /// The same times; a recurrence in elapsed time continues before its start, down to `from`.
    pub fn continued_before_start(self, from: Timestamp) -> Self {
        Self {
            recurrence: self.recurrence.continued_before_start(from),
            ..self
        }
    }

    /// The first fire time after an instant; `None` when there are no more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut after = match self.window.start {
            Some(start) => after.max(Timestamp(start.0.saturating_sub(1))),
            None => after,
        };
        loop {
            let next = self.recurrence.next_after(after)?;
            if self.window.end.is_some_and(|end| next > end) {
                return None;
            }
            let Some(date) = self.missing_date_of(next)? else {
                return Some(next);
            };
            let rest_of_date = date.and_time(NaiveTime::from_hms_opt(23, 59, 59)?);
            let end = last_instant_of(rest_of_date, self.calendar_zone())?;
            after = next.max(Timestamp(end.timestamp_millis()));
        }
    }

    /// The last fire time before an instant; `None` when there are no earlier ones.
    pub fn last_before(&self, before: Timestamp) -> Option<Timestamp> {
        let mut before = match self.window.end {
            Some(end) => before.min(Timestamp(end.0.saturating_add(1))),
            None => before,
        };
        loop {
            let last = self.recurrence.last_before(before)?;
            if self.window.start.is_some_and(|start| last < start) {
                return None;
            }
            let Some(date) = self.missing_date_of(last)? else {
                return Some(last);
            };
            let start = first_instant_of(date.and_time(NaiveTime::MIN), self.calendar_zone())?;
            before = last.min(Timestamp(start.timestamp_millis()));
        }
    }

    /// The date of an instant when the calendar lacks it.
    #[expect(
        clippy::option_option,
        reason = "the outer one is an instant that cannot be represented"
    )]
    fn missing_date_of(&self, at: Timestamp) -> Option<Option<NaiveDate>> {
        let Some(calendar) = &self.calendar else {
            return Some(None);
        };
        let date = DateTime::from_timestamp_millis(at.0)?
            .with_timezone(&self.calendar_zone())
            .date_naive();
        Some((!calendar.contains(date)).then_some(date))
    }

    fn calendar_zone(&self) -> Tz {
        self.calendar
            .as_ref()
            .and_then(|calendar| calendar.zone)
            .unwrap_or(self.zone)
    }
}

impl Recurrence {
    /// Moves the start of a recurrence in elapsed time to its last step that is not after `from`.
    fn continued_before_start(self, from: Timestamp) -> Self {
        match self {
            Self::Every { start, interval_ms } if from < start => {
                let behind = start.since(from).rem_euclid(interval_ms);
                let start = if behind == 0 {
                    from
                } else {
                    from.plus(behind - interval_ms)
                };
                Self::Every { start, interval_ms }
            }
            Self::Cron(_) | Self::Every { .. } => self,
        }
    }

    fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(times) => times.next_after(after),
            Self::Every { start, interval_ms } => {
                let elapsed = after.0.checked_sub(start.0)?;
                let steps = if elapsed < 0 { 0 } else { elapsed / interval_ms + 1 };
                Some(Timestamp(start.0.checked_add(steps.checked_mul(*interval_ms)?)?))
            }
        }
    }

    fn last_before(&self, before: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(times) => times.last_before(before),
            Self::Every { start, interval_ms } => {
                let elapsed = before.0.checked_sub(start.0)?.checked_sub(1)?;
                (elapsed >= 0).then(|| Timestamp(start.0 + elapsed / interval_ms * interval_ms))
            }
        }
    }
}
