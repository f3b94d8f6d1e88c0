//! The instants at which an expression fires in a zone.
//!
//! An expression that covers all hours of the day follows the local clock: it fires at every instant at which the
//! clock shows a matching time, so never in a gap and twice in a repeated hour. Any other fires once for each
//! matching local time: for one that the clock skips at the first instant after the gap, for one that repeats at its
//! first occurrence. Fire times are whole seconds.

use chrono::{DateTime, Duration, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::cron::Cron;
use super::local_time::first_instant_of;
use crate::ids::Timestamp;

/// The widest difference of two offsets of one zone: a zone that changed its side of the date line.
const MAX_CLOCK_CHANGE: TimeDelta = TimeDelta::hours(26);

/// The longest stretch in which at most one clock change is expected.
const CHANGE_SEARCH_STEP: i64 = 24 * 60 * 60;

/// An expression in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTimes {
    cron: Cron,
    zone: Tz,
}

impl CronTimes {
    /// The fire times of an expression in a zone.
    pub fn new(cron: Cron, zone: Tz) -> Self {
        Self { cron, zone }
    }

    /// The first fire time after an instant; `None` when there are no more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = second_of(after)?;
        let next = if self.cron.covers_all_hours() {
            self.next_shown_after(after)
        } else {
            self.next_unique_after(after)
        };
        next.map(to_timestamp)
    }

    /// The last fire time before an instant; `None` when there are no earlier ones.
    pub fn last_before(&self, before: Timestamp) -> Option<Timestamp> {
        let before = second_of(Timestamp(before.0.checked_add(999)?))?;
        let last = if self.cron.covers_all_hours() {
            self.last_shown_before(before)
        } else {
            self.last_unique_before(before)
        };
        last.map(to_timestamp)
    }

    fn next_unique_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut local = self.local_at(after);
        loop {
            local = self.cron.first_from(local.checked_add_signed(SECOND)?)?;
            let instant = first_instant_of(local, self.zone)?.to_utc();
            if instant > after {
                return Some(instant);
            }
        }
    }

    fn last_unique_before(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // In a repeated hour the clock shows less than it did before, when later times had their first occurrence.
        let earlier_offset = self.offset_at(before.checked_sub_signed(MAX_CLOCK_CHANGE)?);
        let offset = self.offset_at(before).max(earlier_offset);
        let mut local = before.naive_utc().checked_add_signed(offset)?;
        loop {
            local = self.cron.last_until(local)?;
            let instant = first_instant_of(local, self.zone)?.to_utc();
            if instant < before {
                return Some(instant);
            }
            local = local.checked_sub_signed(SECOND)?;
        }
    }

    fn next_shown_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut from = after.checked_add_signed(SECOND)?;
        loop {
            let offset = self.offset_at(from);
            let local = self.cron.first_from(from.naive_utc().checked_add_signed(offset)?);
            // Where nothing matches any more, a clock that goes back soon can still show the last times again.
            let candidate = match local {
                Some(local) => Some(local.checked_sub_signed(offset)?.and_utc()),
                None => None,
            };
            let until = candidate.or_else(|| from.checked_add_signed(MAX_CLOCK_CHANGE * 2))?;
            match self.first_change_in(from, until) {
                Some(change) => from = change,
                None => return candidate,
            }
        }
    }

    fn last_shown_before(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut until = before.checked_sub_signed(SECOND)?;
        loop {
            let offset = self.offset_at(until);
            let local = self
                .cron
                .last_until(until.naive_utc().checked_add_signed(offset)?);
            // Where nothing matches any more, the clock may have shown later times before it went back.
            let candidate = match local {
                Some(local) => Some(local.checked_sub_signed(offset)?.and_utc()),
                None => None,
            };
            let from = candidate.or_else(|| until.checked_sub_signed(MAX_CLOCK_CHANGE * 2))?;
            match self.last_change_in(from, until) {
                Some(change) => until = change.checked_sub_signed(SECOND)?,
                None => return candidate,
            }
        }
    }

    /// The first instant in (`from`, `until`] at which another offset begins.
    fn first_change_in(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let offset = self.offset_at(from);
        let mut start = from.timestamp();
        while start < until.timestamp() {
            let end = (start + CHANGE_SEARCH_STEP).min(until.timestamp());
            if self.offset_at(at_second(end)?) != offset {
                return self.change_between(start, end);
            }
            start = end;
        }
        None
    }

    /// The last instant in (`from`, `until`] at which the offset of `until` begins.
    fn last_change_in(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let offset = self.offset_at(until);
        let mut end = until.timestamp();
        while end > from.timestamp() {
            let start = (end - CHANGE_SEARCH_STEP).max(from.timestamp());
            if self.offset_at(at_second(start)?) != offset {
                return self.change_between(start, end);
            }
            end = start;
        }
        None
    }

    /// The second at which the offset changes, where it is another one at `end` than at `start`.
    fn change_between(&self, mut start: i64, mut end: i64) -> Option<DateTime<Utc>> {
        let before = self.offset_at(at_second(start)?);
        while end - start > 1 {
            let middle = start + (end - start) / 2;
            if self.offset_at(at_second(middle)?) == before {
                start = middle;
            } else {
                end = middle;
            }
        }
        at_second(end)
    }

    fn local_at(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.with_timezone(&self.zone).naive_local()
    }

    fn offset_at(&self, instant: DateTime<Utc>) -> Duration {
        let offset = self.zone.offset_from_utc_datetime(&instant.naive_utc());
        Duration::seconds(offset.fix().local_minus_utc().into())
    }
}

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The second that an instant lies in.
fn second_of(at: Timestamp) -> Option<DateTime<Utc>> {
    at_second(at.0.div_euclid(1000))
}

fn at_second(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

fn to_timestamp(instant: DateTime<Utc>) -> Timestamp {
    Timestamp(instant.timestamp_millis())
}
