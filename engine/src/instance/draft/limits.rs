//! The limits of the tasks of a batch.

use super::InstanceDraft;
use crate::ids::TaskIndex;
use crate::instance::limit_rows::{Idleness, RoomWait, RowsAfter};
use crate::limits::{LimitChange, ProjectCap, TaskLimits};
use crate::spec::model::TaskDefinition;
use crate::task::{Task, Wait};

impl<'a> InstanceDraft<'a> {
    /// Says whether the attempts of its project are counted.
    pub(in crate::instance) fn set_project_cap(&mut self, cap: ProjectCap) {
        self.limit_requests.cap = cap;
    }

    /// Returns the limits that a task needs room in; one that needs no worker needs none.
    pub(in crate::instance) fn limits_of(&self, task: &'a TaskDefinition) -> TaskLimits<'a> {
        self.limit_requests.limits_of(self.plan, task)
    }

    /// Lets a waiting task ask for what it needs: room in its limits, or a slot of a worker.
    fn request_start(&mut self, task_index: TaskIndex) {
        let task = self.plan.definition.task(task_index);
        let limits = task.map_or(TaskLimits::NONE, |task| self.limits_of(task));
        if limits.is_empty() {
            self.requests.request_slot(task_index);
        } else {
            self.limit_requests.record_wait(task_index, RoomWait::ForRoom);
            self.requests.cancel_slot(task_index);
        }
    }

    /// Lets every waiting task ask for what it needs.
    pub(in crate::instance) fn request_waiting_starts(&mut self) {
        for task_index in self.rows.active() {
            if self.rows.get(task_index).and_then(Task::wait) == Some(Wait::Slot) {
                self.request_start(task_index);
            }
        }
    }

    /// Returns what becomes of the rows in the queues of limits.
    pub(super) fn limit_changes(&self) -> Vec<LimitChange> {
        let idleness = match (self.record.is_idle(), self.stored.record().is_idle()) {
            (false, _) => Idleness::Busy,
            (true, false) => Idleness::New,
            (true, true) => Idleness::Old,
        };
        self.limit_requests.changes(&RowsAfter {
            plan: self.plan,
            rows: &self.rows,
            at: self.at,
            idleness,
        })
    }
}
