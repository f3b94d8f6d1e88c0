//! The state of stored rows as readers see it.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;

use crate::ids::TaskIndex;
use crate::plan::{DISABLED_REASON, Plan};
use crate::states::{FailureStrategy, InstanceState, TaskState};

/// The state and reason of a task as every reader sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayState {
    /// The state.
    pub state: TaskState,
    /// Why it is in this state, as a readable text.
    pub reason: Option<String>,
}

/// Shows one task: its stored row, or what the lack of a started one means in this state of the instance.
pub fn display_state(
    plan: &Plan,
    instance: InstanceState,
    task_index: TaskIndex,
    row: Option<(TaskState, Option<&str>)>,
) -> DisplayState {
    let Some(node) = plan.nodes.get(task_index.as_usize()).filter(|node| node.in_range) else {
        return not_run("outside the chosen range");
    };
    let (state, reason) = row.unwrap_or((TaskState::Pending, None));
    match state {
        TaskState::Pending if instance == InstanceState::Running && node.preds.is_empty() => {
            // Nothing has been decided since it was stored.
            pending("waits for a master")
        }
        TaskState::Pending | TaskState::NotRun => {
            let reason = reason.or(node.disabled.then_some(DISABLED_REASON));
            unstarted(plan, instance, state, reason)
        }
        TaskState::Delayed
        | TaskState::Waiting
        | TaskState::Dispatched
        | TaskState::Running
        | TaskState::WaitingRetry
        | TaskState::Succeeded
        | TaskState::ForcedSuccess
        | TaskState::Failed
        | TaskState::Killed
        | TaskState::Skipped => DisplayState {
            state,
            reason: reason.map(str::to_owned),
        },
    }
}

fn not_run(reason: &str) -> DisplayState {
    DisplayState {
        state: TaskState::NotRun,
        reason: Some(reason.to_owned()),
    }
}

/// Shows a task that has not started in this run.
fn unstarted(plan: &Plan, instance: InstanceState, state: TaskState, stored: Option<&str>) -> DisplayState {
    match instance {
        InstanceState::Pausing | InstanceState::Paused => not_run(stored.unwrap_or("paused")),
        InstanceState::Stopping | InstanceState::Stopped => not_run(stored.unwrap_or("stopped")),
        InstanceState::Failed => not_run(stored.unwrap_or(match plan.start.failure_strategy {
            FailureStrategy::Continue => "the instance failed before it could start",
            FailureStrategy::End => "another task failed and the failure strategy is end",
        })),
        InstanceState::Succeeded => not_run(stored.unwrap_or("the instance ended without it")),
        InstanceState::Queued | InstanceState::Running if state == TaskState::NotRun => {
            not_run(stored.unwrap_or("the instance ends"))
        }
        InstanceState::Queued => pending("the instance is queued"),
        InstanceState::Running => pending("waits for its predecessors"),
    }
}

fn pending(reason: &str) -> DisplayState {
    DisplayState {
        state: TaskState::Pending,
        reason: Some(reason.to_owned()),
    }
}

/// Counts the tasks of an instance as every reader sees them, from the stored rows by state; `excluded` ones are outside
/// the chosen range. States without a task are left out.
pub fn display_counts(
    instance: InstanceState,
    total: u32,
    excluded: u32,
    rows_by_state: &BTreeMap<TaskState, u32>,
) -> BTreeMap<TaskState, u32> {
    let mut counts = rows_by_state.clone();
    let with_row: u32 = rows_by_state.values().sum();
    let reset = counts.remove(&TaskState::Pending).unwrap_or(0);
    let unstarted = total.saturating_sub(excluded).saturating_sub(with_row) + reset;
    let shown_as = match instance {
        InstanceState::Queued | InstanceState::Running => TaskState::Pending,
        InstanceState::Pausing
        | InstanceState::Paused
        | InstanceState::Stopping
        | InstanceState::Stopped
        | InstanceState::Failed
        | InstanceState::Succeeded => TaskState::NotRun,
    };
    *counts.entry(shown_as).or_default() += unstarted;
    *counts.entry(TaskState::NotRun).or_default() += excluded;
    counts.retain(|_, number| *number > 0);
    counts
}

#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;
