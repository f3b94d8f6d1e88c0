//! Folds committed changes into an instance.

use std::sync::Arc;

use super::changes::Changes;
use super::counters::Counters;
use super::state::Instance;
use crate::ids::{Revision, TaskIndex};
use crate::plan::Plan;

/// Returns the plan with which an instance continues after changes that are applied; none when the present one still fits.
///
/// A command changed the choices of the start, or a run of single tasks begins or is over. The instance is loaded with the
/// new plan, and then `Event::Loaded` decides what it starts.
pub fn next_plan(plan: &Plan, instance: &Instance, changes: &Changes) -> Option<Plan> {
    let run_range = instance.record().planned_range();
    if changes.start.is_none() && run_range == plan.run_range {
        return None;
    }
    let start = changes.start.as_ref().unwrap_or(&plan.start);
    let next = Plan::new(Arc::clone(&plan.definition), Arc::clone(start));
    Some(next.with_context(plan.context.clone()).within(run_range))
}

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
