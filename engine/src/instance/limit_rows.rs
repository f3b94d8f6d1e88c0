//! What a batch makes of the rows of tasks in the queues of their limits.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::InstanceDraft;
use crate::ids::TaskIndex;
use crate::limits::{HeldBefore, LimitChange, LimitPhase};
use crate::task::{Task, Wait};

/// How a waiting task stands to its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomWait {
    /// It waits in their queues.
    ForRoom,
    /// They had room; it waits for a slot of a worker.
    ForWorker,
}

/// The waiting tasks with limits that a batch decided about.
#[derive(Debug, Default)]
pub(super) struct LimitRequests {
    waits: BTreeMap<TaskIndex, RoomWait>,
}

impl LimitRequests {
    /// Records what a waiting task waits for.
    pub(super) fn record_wait(&mut self, task_index: TaskIndex, wait: RoomWait) {
        self.waits.insert(task_index, wait);
    }
}

/// Returns the changes that follow from the rows after the batch: a row in a queue always agrees with that of its task.
pub(super) fn limit_changes(draft: &InstanceDraft<'_>) -> Vec<LimitChange> {
    let requests = draft.limit_requests();
    let mut tasks: BTreeSet<TaskIndex> = draft.rows().touched().keys().copied().collect();
    tasks.extend(requests.waits.keys());
    if draft.record().is_idle() && !draft.stored().record().is_idle() {
        tasks.extend(draft.rows().active());
    }
    tasks
        .into_iter()
        .filter_map(|task_index| limit_change(draft, task_index))
        .collect()
}

fn limit_change(draft: &InstanceDraft<'_>, task_index: TaskIndex) -> Option<LimitChange> {
    let plan = draft.plan();
    let task = plan.definition.task(task_index)?;
    let limits = draft.limits_of(task);
    if limits.is_empty() {
        return None;
    }
    let (stored, row) = (draft.rows().stored(task_index), draft.rows().get(task_index));
    let held_before = match stored.is_some_and(is_at_worker) {
        true => HeldBefore::Slots,
        false => HeldBefore::Nothing,
    };
    let waited_before = stored.is_some_and(is_waiting);
    let phase = match row.filter(|row| is_waiting(row) || is_at_worker(row)) {
        Some(row) if is_at_worker(row) => {
            let attempt = row.open_attempt()?;
            let is_bound_before = stored.and_then(Task::open_attempt).is_some_and(|open| open.uid == attempt.uid);
            (!is_bound_before).then_some(LimitPhase::Holding {
                attempt: attempt.number,
            })?
        }
        Some(_) if draft.record().is_idle() => LimitPhase::Released,
        Some(_) => match draft.limit_requests().waits.get(&task_index)? {
            RoomWait::ForRoom => LimitPhase::Waiting { ready_at: draft.at() },
            RoomWait::ForWorker => LimitPhase::AwaitingWorker,
        },
        None if waited_before || held_before == HeldBefore::Slots => LimitPhase::Released,
        None => return None,
    };
    Some(LimitChange {
        task_index,
        phase,
        held_before,
        limits: limits.to_uses(),
        worker_group: plan.worker_group_of(task).to_owned(),
        instance_priority: plan.start.priority,
        task_priority: plan.priority_of(task),
    })
}

fn is_waiting(row: &Task) -> bool {
    row.wait() == Some(Wait::Slot)
}

fn is_at_worker(row: &Task) -> bool {
    row.open_attempt().is_some_and(|attempt| attempt.worker.is_some())
}
