//! The dates of a backfill.

use std::collections::BTreeMap;

use crate::ids::Timestamp;
use crate::schedule::FireTimes;
use crate::timezone::Tz;

/// The most dates of a backfill.
pub const MAX_DATES: usize = 10_000;

/// A closed range of instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    /// No date is before it.
    pub from: Timestamp,
    /// No date is after it.
    pub to: Timestamp,
}

/// The times that a schedule gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateSource {
    /// The fire times, without a window.
    pub times: FireTimes,
    /// The zone of instances of these dates.
    pub zone: Tz,
}

/// A date with the zone of its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedDate {
    /// The date.
    pub at: Timestamp,
    /// The zone in which its instances format time parameters.
    pub zone: Tz,
}

/// Why a backfill has no usable dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatesError {
    /// There is none.
    #[error("there is no date in this range; widen it, or name another schedule")]
    Empty,
    /// There are more than allowed.
    #[error("there are more than {MAX_DATES} dates; narrow the range, and make several backfills")]
    TooMany,
}

/// Lists the dates of a range, ascending: the times of all sources, united. Of several sources that give one instant the
/// first one gives its zone. A range of one instant is that instant, in `zone`.
///
/// # Errors
/// There is no date, or there are too many.
pub fn plan_range(
    range: DateRange,
    sources: Vec<DateSource>,
    zone: Tz,
) -> Result<Vec<PlannedDate>, DatesError> {
    if range.from == range.to {
        let at = range.from;
        return Ok(vec![PlannedDate { at, zone }]);
    }
    let before = range.from.plus(-1);
    let times = sources.into_iter().map(|source| DateSource {
        times: source.times.continued_before_start(range.from),
        ..source
    });
    let mut next: Vec<(Option<Timestamp>, DateSource)> = times
        .map(|source| (source.times.next_after(before), source))
        .collect();
    let mut dates = Vec::new();
    while let Some((at, zone)) = first_of(&next).filter(|(at, _)| *at <= range.to) {
        if dates.len() == MAX_DATES {
            return Err(DatesError::TooMany);
        }
        dates.push(PlannedDate { at, zone });
        for (time, source) in next.iter_mut().filter(|(time, _)| *time == Some(at)) {
            *time = source.times.next_after(at);
        }
    }
    if dates.is_empty() {
        return Err(DatesError::Empty);
    }
    Ok(dates)
}

/// Returns the earliest of the next times, with the zone of the first source that has it.
fn first_of(next: &[(Option<Timestamp>, DateSource)]) -> Option<(Timestamp, Tz)> {
    let times = next
        .iter()
        .filter_map(|(time, source)| Some(((*time)?, source.zone)));
    // The first of several equal ones is the minimum.
    times.min_by_key(|(time, _)| *time)
}

/// Lists given dates, ascending and without repetitions, in `zone`.
///
/// # Errors
/// There is no date, or there are too many.
pub fn plan_list(dates: &[Timestamp], zone: Tz) -> Result<Vec<PlannedDate>, DatesError> {
    let unique: BTreeMap<Timestamp, Tz> = dates.iter().map(|at| (*at, zone)).collect();
    match unique.len() {
        0 => Err(DatesError::Empty),
        count if count > MAX_DATES => Err(DatesError::TooMany),
        _ => Ok(unique
            .into_iter()
            .map(|(at, zone)| PlannedDate { at, zone })
            .collect()),
    }
}
