//! Events as a pass reads them.

use std::collections::BTreeSet;

use engine::alert::AlertEvent;
use engine::ids::{InstanceId, TaskIndex, Timestamp};
use ports::StoreError;

use crate::row_reader::RowReader;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventCause {
    /// An instance, or a task of it.
    Instance {
        id: InstanceId,
        run: u32,
        task_index: Option<TaskIndex>,
        attempt: Option<u32>,
    },
    /// A fire of a schedule.
    Fire { schedule: i64, fire_at: Timestamp },
    /// A backfill.
    Backfill(i64),
    /// An incarnation, and the one that took over what it owned.
    Node { incarnation: i64, survivor: Option<i64> },
}

/// An event that becomes alerts in this pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Occurrence {
    pub(super) event: AlertEvent,
    pub(super) at: Timestamp,
    pub(super) cause: EventCause,
    /// The rule whose time has passed; any unless given.
    pub(super) rule: Option<i64>,
    pub(super) reason: Option<String>,
}

/// Returns the instances that events are about.
pub(super) fn instance_ids<'a>(occurrences: impl Iterator<Item = &'a Occurrence>) -> BTreeSet<i64> {
    let ids = occurrences.filter_map(|occurrence| match occurrence.cause {
        EventCause::Instance { id, .. } => Some(id.0),
        EventCause::Fire { .. } | EventCause::Backfill(_) | EventCause::Node { .. } => None,
    });
    ids.collect()
}

/// Reads an event that waits.
pub(super) fn read_occurrence(columns: &mut RowReader<'_>) -> Result<Occurrence, StoreError> {
    let event = columns.next_parsed()?;
    let at = Timestamp(columns.next_value()?);
    let instance: Option<i64> = columns.next_value()?;
    let run: Option<i64> = columns.next_value()?;
    let task_index: Option<i64> = columns.next_value()?;
    let attempt: Option<i64> = columns.next_value()?;
    let (schedule, fire_at): (Option<i64>, Option<i64>) = (columns.next_value()?, columns.next_value()?);
    let backfill: Option<i64> = columns.next_value()?;
    let (incarnation, survivor): (Option<i64>, Option<i64>) = (columns.next_value()?, columns.next_value()?);
    let small = |number: i64| u32::try_from(number).ok();
    let cause = if let Some(id) = instance {
        EventCause::Instance {
            id: InstanceId(id),
            run: run.and_then(small).unwrap_or(1),
            task_index: task_index.and_then(small).map(TaskIndex),
            attempt: attempt.and_then(small),
        }
    } else if let Some((schedule, fire_at)) = schedule.zip(fire_at) {
        EventCause::Fire {
            schedule,
            fire_at: Timestamp(fire_at),
        }
    } else if let Some(id) = backfill {
        EventCause::Backfill(id)
    } else {
        EventCause::Node {
            incarnation: incarnation.unwrap_or_default(),
            survivor,
        }
    };
    Ok(Occurrence {
        event,
        at,
        cause,
        rule: columns.next_value()?,
        reason: columns.next_value()?,
    })
}
