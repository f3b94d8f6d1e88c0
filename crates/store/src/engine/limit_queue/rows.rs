//! Limits and the tasks in their queues, as they are read.

use engine::ids::{Incarnation, InstanceId, TaskIndex};
use engine::limits::{LimitRoom, QueuePlace, QueuePosition, QueueWalk};
use ports::{AdmissibleTask, StoreError};
use sea_orm::QueryResult;

use crate::row_reader::{RowReader, corrupt};

/// Reads a limit and starts the walk along its queue.
pub(super) fn read_walk(row: &QueryResult) -> Result<(i64, QueueWalk), StoreError> {
    let mut columns = RowReader::new(row);
    let id = columns.next_value()?;
    let (slots, used) = (columns.next_value()?, columns.next_value()?);
    let is_enabled: bool = columns.next_value()?;
    let room = match is_enabled {
        true => LimitRoom::new(slots, used),
        false => LimitRoom::unlimited(),
    };
    let first_blocked: Option<String> = columns.next_value()?;
    let first_blocked = first_blocked.as_deref().map(parse_position).transpose()?;
    Ok((id, QueueWalk::new(room, first_blocked)))
}

/// Parses a place in a queue, as `3 3 1700000000000 42 0`.
fn parse_position(text: &str) -> Result<QueuePosition, StoreError> {
    let numbers: Result<Vec<i64>, _> = text.split(' ').map(str::parse).collect();
    let numbers = numbers.map_err(corrupt)?;
    let position = numbers.try_into();
    position
        .map(QueuePosition)
        .map_err(|_| corrupt("a place in a queue has five numbers"))
}

/// Parses limits and slots, as `7:1,9:2`.
fn parse_others(text: Option<&str>) -> Vec<(i64, i64)> {
    let pairs = text.unwrap_or_default().split(',');
    pairs
        .filter_map(|pair| {
            let (limit, slots) = pair.split_once(':')?;
            Some((limit.parse().ok()?, slots.parse().ok()?))
        })
        .collect()
}

/// A task in a queue.
pub(super) struct QueuedTask {
    instance: InstanceId,
    task_index: TaskIndex,
    owner: Option<i64>,
    pub(super) slots: i64,
    /// How it stands to this limit; its others are not looked at.
    pub(super) place: QueuePlace,
    pub(super) group: String,
    /// Its other limits, with the slots that it wants of them.
    pub(super) others: Vec<(i64, i64)>,
    pub(super) position: QueuePosition,
}

impl QueuedTask {
    pub(super) fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let mut columns = RowReader::new(row);
        let (instance, task_index) = (columns.next_value()?, columns.next_u32()?);
        let owner: Option<i64> = columns.next_value()?;
        let slots = columns.next_value()?;
        let (is_awaiting, is_forced): (bool, bool) = (columns.next_value()?, columns.next_value()?);
        let place = match (is_awaiting, owner.is_none(), is_forced) {
            (true, _, _) => QueuePlace::AwaitingWorker,
            (false, true, _) => QueuePlace::BlockedElsewhere,
            (false, false, true) => QueuePlace::Forced,
            (false, false, false) => QueuePlace::Ready,
        };
        Ok(Self {
            instance: InstanceId(instance),
            task_index: TaskIndex(task_index),
            owner,
            slots,
            place,
            group: columns.next_value()?,
            others: parse_others(columns.next_value::<Option<String>>()?.as_deref()),
            position: QueuePosition([
                columns.next_value()?,
                columns.next_value()?,
                columns.next_value()?,
                instance,
                i64::from(task_index),
            ]),
        })
    }

    pub(super) fn to_admissible(&self) -> Option<AdmissibleTask> {
        Some(AdmissibleTask {
            owner: Incarnation(self.owner?),
            instance: self.instance,
            task_index: self.task_index,
        })
    }
}
