//! One instance as its owner holds it.

use std::collections::BTreeMap;

use super::counters::Counters;
use super::record::InstanceRecord;
use crate::ids::{Epoch, Generation, InstanceId, Revision, TaskIndex, Timestamp};
use crate::plan::Plan;
use crate::plan::trigger_rule::Outcome;
use crate::task::Task;

/// The stored rows of one instance, from one consistent read.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceRows {
    /// Its id.
    pub id: InstanceId,
    /// The database's generation; a part of every uid.
    pub generation: Generation,
    /// The epoch of its owner.
    pub epoch: Epoch,
    /// The version of the rows; raised by one with each commit.
    pub revision: Revision,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its own row.
    pub record: InstanceRecord,
    /// Its task rows, each with its latest attempt. Boxed, because a map reserves room for eleven values even when it
    /// holds one, and most instances are small and wait.
    pub tasks: BTreeMap<TaskIndex, Box<Task>>,
}

/// A cache of the stored rows of one instance, with counters derived from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// The rows as they are stored.
    pub rows: InstanceRows,
    /// Derived from the rows by `Instance::load`, kept by `apply`.
    pub counters: Counters,
}

impl Instance {
    /// Builds the state from the stored rows: O(tasks + edges). Rows that the plan lacks are left out.
    pub fn load(plan: &Plan, mut rows: InstanceRows) -> Self {
        rows.tasks.retain(|task_index, _| plan.has_task(*task_index));
        let counters = Counters::count(plan, |task_index| rows.tasks.get(&task_index).map(Box::as_ref));
        Self { rows, counters }
    }

    /// Returns the instance's own row.
    pub fn record(&self) -> &InstanceRecord {
        &self.rows.record
    }

    /// Returns the row of a task.
    pub fn task(&self, task_index: TaskIndex) -> Option<&Task> {
        self.rows.tasks.get(&task_index).map(Box::as_ref)
    }

    /// Returns what became of a task; none while it is not settled.
    pub(crate) fn outcome_of(&self, plan: &Plan, task_index: TaskIndex) -> Option<Outcome> {
        let fate = plan.fate(task_index, self.task(task_index));
        let verdict = self.counters.tallies[task_index.as_usize()].edges.verdict();
        plan.outcome(task_index, fate, verdict)
    }
}
