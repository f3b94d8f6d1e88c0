//! Folds committed changes into an instance.

use super::changes::Changes;
use super::counters::Counters;
use super::state::Instance;
use crate::ids::{Revision, TaskIndex};
use crate::plan::Plan;

/// Folds committed changes in and raises the revision by one; changes that are empty were never committed.
pub fn apply(plan: &Plan, instance: &mut Instance, changes: &Changes) {
    if changes.is_empty() {
        return;
    }
    let Instance { rows, counters } = instance;
    rows.revision = Revision(rows.revision.0 + 1);
    if let Some(record) = &changes.record {
        rows.record = record.clone();
    }
    if let Some(reset) = &changes.reset {
        reset.reset_rows(
            rows.tasks
                .iter_mut()
                .map(|(task_index, task)| (*task_index, task.as_mut())),
        );
    }
    for (task_index, task) in &changes.tasks {
        let old = rows.tasks.insert(*task_index, Box::new(task.clone()));
        if changes.reset.is_none() {
            let row_of = |task_index: TaskIndex| rows.tasks.get(&task_index).map(Box::as_ref);
            counters.follow(plan, *task_index, (old.as_deref(), task), row_of);
        }
    }
    if changes.reset.is_some() {
        *counters = Counters::count(plan, |task_index| rows.tasks.get(&task_index).map(Box::as_ref));
    }
}
