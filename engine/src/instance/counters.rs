//! Numbers derived from the rows, so that no event costs more than what it touches.

use std::collections::BTreeSet;

use crate::ids::{TaskIndex, Timestamp};
use crate::plan::Plan;
use crate::plan::trigger_rule::{DISABLED_COUNTS_AS, EdgeState};
use crate::states::TaskState;
use crate::task::Task;

/// Derived from the rows by `Instance::load`, kept by `apply`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// For each task: dependencies in range that are not met yet.
    pub unmet_dependencies: Vec<u32>,
    /// How many tasks are in which kind of state.
    pub counts: TaskCounts,
    /// Tasks in an active state.
    pub active: BTreeSet<TaskIndex>,
    /// Tasks that are `failed`.
    pub failed: BTreeSet<TaskIndex>,
    /// Tasks that are `killed`.
    pub killed: BTreeSet<TaskIndex>,
    /// Tasks that do not run but have an unbound attempt.
    pub unbound: BTreeSet<TaskIndex>,
    /// When the next delay, retry wait or time limit of a task ends.
    pub due: BTreeSet<(Timestamp, TaskIndex)>,
}

/// Numbers that the rule of completion needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskCounts {
    /// Tasks that can run; never changes.
    pub total: u32,
    /// Tasks that count as a success.
    pub succeeded: u32,
    /// Tasks in an active state.
    pub active: u32,
    /// Those of them in `waiting_retry`.
    pub retrying: u32,
    /// Tasks that are `failed`.
    pub failed: u32,
    /// Tasks that are `killed`.
    pub killed: u32,
}

impl TaskCounts {
    /// Whether any task is `failed` or `killed`.
    pub(super) fn has_failed_or_killed(self) -> bool {
        self.failed + self.killed > 0
    }

    /// Moves one task from a state to another.
    pub(super) fn shift(&mut self, from: TaskState, to: TaskState) {
        self.leave(from);
        self.enter(to);
    }

    fn enter(&mut self, state: TaskState) {
        self.succeeded += u32::from(state.counts_as_success());
        self.active += u32::from(state.is_active());
        self.retrying += u32::from(state == TaskState::WaitingRetry);
        self.failed += u32::from(state == TaskState::Failed);
        self.killed += u32::from(state == TaskState::Killed);
    }

    fn leave(&mut self, state: TaskState) {
        self.succeeded -= u32::from(state.counts_as_success());
        self.active -= u32::from(state.is_active());
        self.retrying -= u32::from(state == TaskState::WaitingRetry);
        self.failed -= u32::from(state == TaskState::Failed);
        self.killed -= u32::from(state == TaskState::Killed);
    }
}

impl Counters {
    /// Counts all rows in the order of the graph: O(tasks + edges).
    pub(super) fn count<'a>(plan: &Plan, row: impl Fn(TaskIndex) -> Option<&'a Task>) -> Self {
        let mut counters = Self {
            unmet_dependencies: plan
                .nodes
                .iter()
                .map(|node| u32::try_from(node.preds.len()).unwrap_or(u32::MAX))
                .collect(),
            ..Self::default()
        };
        counters.counts.total = plan.included();
        for task_index in plan.order.iter().copied() {
            let node = &plan.nodes[task_index.as_usize()];
            let task = row(task_index).filter(|_| node.is_included());
            if let Some(task) = task {
                counters.counts.enter(task.state);
                counters.list(task_index, task);
            }
            let is_ready = counters.unmet_dependencies[task_index.as_usize()] == 0;
            let state = if node.disabled && is_ready {
                DISABLED_COUNTS_AS
            } else {
                task.map_or(TaskState::Pending, |task| task.state)
            };
            for edge in &node.succs {
                let is_met = edge.rule.edge_state(state) == EdgeState::Open;
                counters.unmet_dependencies[edge.task.as_usize()] -= u32::from(is_met);
            }
        }
        counters
    }

    /// Follows one changed row. An open edge closes only by a reset, which counts all rows.
    pub(super) fn follow(&mut self, plan: &Plan, task_index: TaskIndex, old: Option<&Task>, new: &Task) {
        let from = old.map_or(TaskState::Pending, |task| task.state);
        self.counts.shift(from, new.state);
        if let Some(old) = old {
            self.unlist(task_index, old);
        }
        self.list(task_index, new);
        plan.newly_ready(task_index, (from, new.state), |dependent| {
            let unmet = &mut self.unmet_dependencies[dependent.as_usize()];
            *unmet -= 1;
            *unmet
        });
    }

    fn list(&mut self, task_index: TaskIndex, task: &Task) {
        if task.state.is_active() {
            self.active.insert(task_index);
        } else if task.has_unbound_attempt() {
            self.unbound.insert(task_index);
        }
        if task.state == TaskState::Failed {
            self.failed.insert(task_index);
        }
        if task.state == TaskState::Killed {
            self.killed.insert(task_index);
        }
        if let Some(due) = task.due_at {
            self.due.insert((due, task_index));
        }
    }

    fn unlist(&mut self, task_index: TaskIndex, task: &Task) {
        self.active.remove(&task_index);
        self.unbound.remove(&task_index);
        self.failed.remove(&task_index);
        self.killed.remove(&task_index);
        if let Some(due) = task.due_at {
            self.due.remove(&(due, task_index));
        }
    }
}
