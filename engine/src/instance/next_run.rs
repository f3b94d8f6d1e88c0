//! The tasks that the next run of an instance decides again.

use std::collections::BTreeSet;

use super::row_overlay::RowOverlay;
use crate::ids::TaskIndex;
use crate::plan::Plan;
use crate::plan::trigger_rule::Outcome;
use crate::states::TaskState;

/// Returns the tasks that a recover decides again: those whose failure stands, killed ones, what has not run, and all
/// that follows one of them. Handled failures stay as they are.
pub(super) fn recovered_tasks(plan: &Plan, rows: &RowOverlay<'_>) -> BTreeSet<TaskIndex> {
    with_followers(plan, rows, |task_index| {
        let stands = rows.state_of(task_index) == TaskState::Failed && rows.is_standing(task_index);
        stands || was_held(plan, rows, task_index)
    })
}

/// Returns the tasks that a resume from stopped decides again: as a recover, without the failed ones.
pub(super) fn resumed_tasks(plan: &Plan, rows: &RowOverlay<'_>) -> BTreeSet<TaskIndex> {
    with_followers(plan, rows, |task_index| was_held(plan, rows, task_index))
}

/// Returns the tasks that were killed while the instance was being paused, and all that follows one of them. Those that
/// another task handles stay as they are.
pub(super) fn killed_tasks(plan: &Plan, rows: &RowOverlay<'_>) -> BTreeSet<TaskIndex> {
    with_followers(plan, rows, |task_index| {
        rows.state_of(task_index) == TaskState::Killed && rows.is_standing(task_index)
    })
}

/// Whether a task was killed, or has not run.
fn was_held(plan: &Plan, rows: &RowOverlay<'_>, task_index: TaskIndex) -> bool {
    match rows.state_of(task_index) {
        TaskState::Pending | TaskState::NotRun => true,
        TaskState::Killed => !is_handled(plan, rows, task_index),
        TaskState::Delayed
        | TaskState::Waiting
        | TaskState::Dispatched
        | TaskState::Running
        | TaskState::WaitingRetry
        | TaskState::Succeeded
        | TaskState::ForcedSuccess
        | TaskState::Failed
        | TaskState::Skipped => false,
    }
}

/// Whether a task that handles the failure of this one has run, or was passed because it is disabled.
fn is_handled(plan: &Plan, rows: &RowOverlay<'_>, task_index: TaskIndex) -> bool {
    let succs = plan.nodes[task_index.as_usize()].succs.iter();
    let mut handlers = succs.filter(|edge| edge.handles);
    !rows.is_standing(task_index)
        && handlers.any(|edge| {
            let outcome = rows.outcome_of(edge.task);
            matches!(
                outcome,
                Some(Outcome::Succeeded | Outcome::Chose(_) | Outcome::Failed)
            )
        })
}

/// Returns the enabled tasks that are to run again, and all that follows one of them over any number of edges, up to
/// those that a person declared a success.
fn with_followers(
    plan: &Plan,
    rows: &RowOverlay<'_>,
    runs_again: impl Fn(TaskIndex) -> bool,
) -> BTreeSet<TaskIndex> {
    let mut follows = vec![false; plan.nodes.len()];
    let mut tasks = BTreeSet::new();
    for task_index in plan.order.iter().copied() {
        // A disabled task runs again only where its `when` failed.
        let may_run = plan.is_included(task_index) || rows.is_standing(task_index);
        let is_first = may_run && runs_again(task_index);
        let is_forced = rows.state_of(task_index) == TaskState::ForcedSuccess;
        if !is_first && (is_forced || !follows[task_index.as_usize()]) {
            continue;
        }
        tasks.insert(task_index);
        for edge in &plan.nodes[task_index.as_usize()].succs {
            follows[edge.task.as_usize()] = true;
        }
    }
    tasks.retain(|task_index| rows.get(*task_index).is_some());
    tasks
}
