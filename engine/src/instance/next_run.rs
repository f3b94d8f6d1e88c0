//! The tasks that a command decides again, in the next run of an instance or in the current one.

use std::collections::BTreeSet;

use super::draft::InstanceDraft;
use super::event::Operation;
use super::row_overlay::RowOverlay;
use crate::ids::TaskIndex;
use crate::plan::run_range::{OutsideEdges, RunRange};
use crate::plan::trigger_rule::Outcome;
use crate::plan::{Plan, task_indices};
use crate::states::{Command, InstanceState, Scope, TaskState};

/// Returns the tasks that a command which applies makes pending again.
pub(super) fn tasks_decided_again(draft: &InstanceDraft<'_>, operation: &Operation) -> BTreeSet<TaskIndex> {
    let (plan, rows, state) = (draft.plan(), draft.rows(), draft.record().state);
    match (operation.command, operation.task) {
        (Command::Recover, _) => recovered_tasks(plan, rows),
        (Command::Resume, _) if state == InstanceState::Stopped => resumed_tasks(plan, rows),
        (Command::Resume, _) if state == InstanceState::Paused => {
            let mut tasks = unstarted_tasks(plan, rows);
            tasks.extend(killed_tasks(plan, rows));
            tasks
        }
        (Command::Rerun, _) => plan.order.iter().copied().collect(),
        (Command::RunTask | Command::RetryTask, Some(task_index)) => match run_range(state, operation) {
            Some(range) if range.outside == OutsideEdges::Followed => retried_tasks(plan, rows, range),
            Some(range) => tasks_inside(&plan.tasks_of_run(range)),
            None => {
                let mut tasks = closed_followers(plan, rows, task_index);
                tasks.insert(task_index);
                tasks
            }
        },
        (
            Command::Pause
            | Command::Resume
            | Command::Stop
            | Command::ForceSuccess
            | Command::KillTask
            | Command::SkipTask
            | Command::RunTask
            | Command::RetryTask
            | Command::Priority
            | Command::Approve
            | Command::Reject,
            _,
        ) => BTreeSet::new(),
    }
}

/// Returns what the run that a command begins is about; none for all of the range of the start.
pub(super) fn run_range(state: InstanceState, operation: &Operation) -> Option<RunRange> {
    let task = operation.task?;
    match operation.command {
        Command::RunTask => Some(RunRange {
            task,
            scope: operation.arguments.scope.unwrap_or(Scope::Downstream),
            outside: OutsideEdges::Ignored,
        }),
        Command::RetryTask if state.is_final() => Some(RunRange {
            task,
            scope: Scope::Downstream,
            outside: OutsideEdges::Followed,
        }),
        Command::Pause
        | Command::Resume
        | Command::Stop
        | Command::Recover
        | Command::Rerun
        | Command::ForceSuccess
        | Command::KillTask
        | Command::SkipTask
        | Command::RetryTask
        | Command::Priority
        | Command::Approve
        | Command::Reject => None,
    }
}

/// Leaves out tasks without a row: they never left `pending`.
pub(super) fn with_rows(rows: &RowOverlay<'_>, mut tasks: BTreeSet<TaskIndex>) -> BTreeSet<TaskIndex> {
    tasks.retain(|task_index| rows.get(*task_index).is_some());
    tasks
}

/// Returns the tasks that a recover decides again: those whose failure stands, killed ones, what has not run, and all
/// that follows one of them. Handled failures stay as they are.
fn recovered_tasks(plan: &Plan, rows: &RowOverlay<'_>) -> BTreeSet<TaskIndex> {
    with_followers(plan, rows, |task_index| {
        let stands = rows.state_of(task_index) == TaskState::Failed && rows.is_standing(task_index);
        stands || was_held(plan, rows, task_index)
    })
}

/// Returns the tasks that a resume from stopped decides again: as a recover, without the failed ones.
fn resumed_tasks(plan: &Plan, rows: &RowOverlay<'_>) -> BTreeSet<TaskIndex> {
    with_followers(plan, rows, |task_index| was_held(plan, rows, task_index))
}

/// Returns the tasks that a retry at rest decides again: as a recover of that task and of what follows it.
fn retried_tasks(plan: &Plan, rows: &RowOverlay<'_>, range: RunRange) -> BTreeSet<TaskIndex> {
    let inside = plan.tasks_of_run(range);
    let is_unstarted = |task_index: TaskIndex| {
        inside[task_index.as_usize()]
            && matches!(rows.state_of(task_index), TaskState::Pending | TaskState::NotRun)
    };
    with_followers(plan, rows, |task_index| {
        task_index == range.task || is_unstarted(task_index)
    })
}

/// Returns the tasks that a pause kept from starting.
fn unstarted_tasks(plan: &Plan, rows: &RowOverlay<'_>) -> BTreeSet<TaskIndex> {
    let is_unstarted = |task_index: &TaskIndex| {
        let node = &plan.nodes[task_index.as_usize()];
        let state = rows.state_of(*task_index);
        node.is_included()
            && !node.frozen
            && matches!(state, TaskState::Pending | TaskState::NotRun)
            && rows.outcome_of(*task_index).is_none()
    };
    plan.order.iter().copied().filter(is_unstarted).collect()
}

fn tasks_inside(inside: &[bool]) -> BTreeSet<TaskIndex> {
    task_indices(inside.len())
        .zip(inside)
        .filter_map(|(task_index, is_inside)| is_inside.then_some(task_index))
        .collect()
}

/// Returns the tasks that were killed while the instance was being paused, and all that follows one of them. Those that
/// another task handles stay as they are.
pub(super) fn killed_tasks(plan: &Plan, rows: &RowOverlay<'_>) -> BTreeSet<TaskIndex> {
    with_followers(plan, rows, |task_index| {
        rows.state_of(task_index) == TaskState::Killed && rows.is_standing(task_index)
    })
}

/// Returns the tasks after one, over any number of edges, that are skipped or not_run in the current run.
pub(super) fn closed_followers(
    plan: &Plan,
    rows: &RowOverlay<'_>,
    task_index: TaskIndex,
) -> BTreeSet<TaskIndex> {
    let mut open = vec![task_index];
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        let succs = plan.nodes[next.as_usize()].succs.iter().map(|edge| edge.task);
        open.extend(succs.filter(|succ| seen.insert(*succ)));
    }
    seen.retain(|follower| {
        let row = rows.get(*follower);
        row.is_some_and(|row| {
            let is_closed = matches!(row.state, TaskState::Skipped | TaskState::NotRun);
            is_closed && row.open_attempt().is_none()
        })
    });
    seen
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
    tasks
}
