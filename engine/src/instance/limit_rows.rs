//! What a batch makes of the rows of tasks in the queues of their limits.

use std::collections::{BTreeMap, BTreeSet};

use super::row_overlay::RowOverlay;
use crate::ids::{TaskIndex, Timestamp};
use crate::limits::{HeldBefore, LimitChange, LimitPhase, ProjectCap, TaskLimits};
use crate::plan::Plan;
use crate::spec::model::TaskDefinition;
use crate::task::{Task, Wait};
use crate::task_type::ExecutionSite;

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
    /// Whether the attempts of the project are counted.
    pub(super) cap: ProjectCap,
    waits: BTreeMap<TaskIndex, RoomWait>,
}

/// The rows after a batch, and what of the instance they depend on.
pub(super) struct RowsAfter<'r, 'a> {
    /// What the instance runs.
    pub(super) plan: &'a Plan,
    /// The rows.
    pub(super) rows: &'r RowOverlay<'a>,
    /// The time of the batch.
    pub(super) at: Timestamp,
    /// Whether the instance has become idle: what waits holds up no other any more.
    pub(super) idleness: Idleness,
}

/// Whether an instance is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Idleness {
    /// It has an owner and work to do.
    Busy,
    /// It has become idle in this batch.
    New,
    /// It was idle before.
    Old,
}

impl LimitRequests {
    /// Records what a waiting task waits for.
    pub(super) fn record_wait(&mut self, task_index: TaskIndex, wait: RoomWait) {
        self.waits.insert(task_index, wait);
    }

    /// Returns the limits that a task needs room in; one that needs no worker needs none.
    pub(super) fn limits_of<'a>(&self, plan: &Plan, task: &'a TaskDefinition) -> TaskLimits<'a> {
        match plan.site_of(task) {
            ExecutionSite::Worker => TaskLimits::new(&task.limits, self.cap),
            ExecutionSite::Inline | ExecutionSite::Decision | ExecutionSite::Owner(_) => TaskLimits::NONE,
        }
    }

    /// Returns the changes that follow from the rows: a row in a queue always agrees with that of its task.
    pub(super) fn changes(&self, after: &RowsAfter<'_, '_>) -> Vec<LimitChange> {
        let mut tasks: BTreeSet<TaskIndex> = after.rows.touched().keys().copied().collect();
        tasks.extend(self.waits.keys());
        if after.idleness == Idleness::New {
            tasks.extend(after.rows.active());
        }
        tasks
            .into_iter()
            .filter_map(|task_index| self.change(after, task_index))
            .collect()
    }

    fn change(&self, after: &RowsAfter<'_, '_>, task_index: TaskIndex) -> Option<LimitChange> {
        let plan = after.plan;
        let task = plan.definition.task(task_index)?;
        let limits = self.limits_of(plan, task);
        if limits.is_empty() {
            return None;
        }
        let stored = after.rows.stored(task_index);
        let held_before = if stored.is_some_and(is_at_worker) {
            HeldBefore::Slots
        } else {
            HeldBefore::Nothing
        };
        Some(LimitChange {
            task_index,
            phase: self.phase(after, task_index, stored)?,
            held_before,
            limits: limits.to_uses(),
            worker_group: plan.worker_group_of(task).to_owned(),
            instance_priority: plan.start.priority,
            task_priority: plan.priority_of(task),
        })
    }

    /// Returns what a task does with its limits from now on; none when that is what it did before.
    fn phase(
        &self,
        after: &RowsAfter<'_, '_>,
        task_index: TaskIndex,
        stored: Option<&Task>,
    ) -> Option<LimitPhase> {
        let row = after.rows.get(task_index);
        if let Some(row) = row.filter(|row| is_at_worker(row)) {
            let attempt = row.open_attempt()?;
            let before = stored.and_then(Task::open_attempt);
            let is_bound_before = before.is_some_and(|open| open.uid == attempt.uid);
            let attempt = attempt.number;
            return (!is_bound_before).then_some(LimitPhase::Holding { attempt });
        }
        if !row.is_some_and(is_waiting) {
            let had_rows = stored.is_some_and(|row| is_waiting(row) || is_at_worker(row));
            return had_rows.then_some(LimitPhase::Released);
        }
        if after.idleness != Idleness::Busy {
            return Some(LimitPhase::Released);
        }
        Some(match self.waits.get(&task_index)? {
            RoomWait::ForRoom => LimitPhase::Waiting { ready_at: after.at },
            RoomWait::ForWorker => LimitPhase::AwaitingWorker,
        })
    }
}

fn is_waiting(row: &Task) -> bool {
    row.wait() == Some(Wait::Slot)
}

fn is_at_worker(row: &Task) -> bool {
    row.open_attempt().is_some_and(|attempt| attempt.worker.is_some())
}
