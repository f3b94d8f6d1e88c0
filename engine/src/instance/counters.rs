//! Numbers derived from the rows, so that no event costs more than what it touches.

use std::collections::BTreeSet;

use crate::ids::{TaskIndex, Timestamp};
use crate::plan::Plan;
use crate::plan::propagation::{TallyTable, deviating_edges, follow_change};
use crate::plan::trigger_rule::{EdgeState, EdgeTally, TaskFate, is_failure, may_handle, stands};
use crate::states::TaskState;
use crate::task::Task;

/// Derived from the rows by `Instance::load`, kept by `apply`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// For each task: the edges to it, and the tasks that handle its failure.
    pub tallies: Vec<EdgeTally>,
    /// How many tasks are in which kind of state.
    pub counts: TaskCounts,
    /// Tasks in an active state.
    pub active: BTreeSet<TaskIndex>,
    /// Tasks that are `failed` and whose failure stands.
    pub failed: BTreeSet<TaskIndex>,
    /// Tasks that are `killed` and whose failure stands.
    pub killed: BTreeSet<TaskIndex>,
    /// Tasks that do not run but have an open attempt.
    pub idle_attempts: BTreeSet<TaskIndex>,
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
    /// Tasks that are `failed` or `killed`.
    pub unsuccessful: u32,
    /// Those of them that are `failed` and whose failure stands.
    pub standing_failed: u32,
    /// Those of them that are `killed` and whose failure stands.
    pub standing_killed: u32,
}

impl TaskCounts {
    /// Whether the failure of any task stands.
    pub(super) fn has_standing_failure(self) -> bool {
        self.standing_failed + self.standing_killed > 0
    }

    /// Whether nothing stands against the instance: every task succeeded, was skipped, or failed and was handled.
    pub(super) fn is_success(self) -> bool {
        !self.has_standing_failure() && self.succeeded + self.unsuccessful == self.total
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
        self.unsuccessful += u32::from(is_failure(state));
    }

    fn leave(&mut self, state: TaskState) {
        self.succeeded -= u32::from(state.counts_as_success());
        self.active -= u32::from(state.is_active());
        self.retrying -= u32::from(state == TaskState::WaitingRetry);
        self.unsuccessful -= u32::from(is_failure(state));
    }

    /// Moves the standing failure of one task from a state to another; none where it does not stand.
    pub(super) fn shift_standing(&mut self, from: Option<TaskState>, to: Option<TaskState>) {
        self.standing_failed -= u32::from(from == Some(TaskState::Failed));
        self.standing_killed -= u32::from(from == Some(TaskState::Killed));
        self.standing_failed += u32::from(to == Some(TaskState::Failed));
        self.standing_killed += u32::from(to == Some(TaskState::Killed));
    }
}

/// The counters together with the states that they count.
struct CountedRows<'a, F> {
    counters: &'a mut Counters,
    fate_of: F,
}

impl<F: Fn(TaskIndex) -> TaskFate> TallyTable for CountedRows<'_, F> {
    fn fate_of(&self, task_index: TaskIndex) -> TaskFate {
        (self.fate_of)(task_index)
    }

    fn tally_of(&self, task_index: TaskIndex) -> EdgeTally {
        self.counters.tallies[task_index.as_usize()]
    }

    fn put_tally(&mut self, task_index: TaskIndex, tally: EdgeTally) {
        self.counters.tallies[task_index.as_usize()] = tally;
        let state = self.fate_of(task_index).state;
        self.counters.set_standing(task_index, state);
    }
}

impl Counters {
    /// Counts all rows in the order of the graph: O(tasks + edges).
    pub(super) fn count<'a>(plan: &Plan, row: impl Fn(TaskIndex) -> Option<&'a Task>) -> Self {
        let mut counters = Self {
            tallies: plan.initial_tallies(),
            ..Self::default()
        };
        counters.counts.total = plan.included();
        for task_index in plan.order.iter().copied() {
            let node = &plan.nodes[task_index.as_usize()];
            let task = row(task_index);
            if let Some(task) = task.filter(|_| node.is_included()) {
                counters.counts.enter(task.state);
                counters.list(task_index, task);
            }
            let verdict = counters.tallies[task_index.as_usize()].edges.verdict();
            let outcome = plan.outcome(task_index, plan.fate(task_index, task), verdict);
            let deviating = deviating_edges(plan, task_index, outcome);
            for edge in &node.succs {
                let tally = &mut counters.tallies[edge.task.as_usize()];
                let by_rule = || edge.rule.edge_state(outcome);
                let to = deviating.get(&edge.task).copied().unwrap_or_else(by_rule);
                tally.edges.shift(edge.naming, EdgeState::Waiting, to);
            }
            for handled in node.handles.iter().filter(|_| !may_handle(outcome)) {
                counters.tallies[handled.as_usize()].handlers -= 1;
            }
        }
        for task_index in plan.order.iter().copied() {
            if let Some(task) = row(task_index) {
                counters.set_standing(task_index, task.state);
            }
        }
        counters
    }

    /// Follows one changed row; `row_of` knows the change.
    pub(super) fn follow<'a>(
        &mut self,
        plan: &Plan,
        task_index: TaskIndex,
        (old, new): (Option<&Task>, &Task),
        row_of: impl Fn(TaskIndex) -> Option<&'a Task>,
    ) {
        let from = plan.fate(task_index, old);
        if plan.is_included(task_index) {
            self.counts.shift(from.state, new.state);
            if let Some(old) = old {
                self.unlist(task_index, old);
            }
            self.list(task_index, new);
        }
        // A disabled task fails when its `when` does.
        self.set_standing(task_index, new.state);
        let mut table = CountedRows {
            counters: self,
            fate_of: |task_index| plan.fate(task_index, row_of(task_index)),
        };
        follow_change(plan, &mut table, task_index, from);
    }

    /// Returns the state of a task whose failure stands.
    pub(super) fn standing(&self, task_index: TaskIndex) -> Option<TaskState> {
        if self.failed.contains(&task_index) {
            return Some(TaskState::Failed);
        }
        self.killed.contains(&task_index).then_some(TaskState::Killed)
    }

    fn set_standing(&mut self, task_index: TaskIndex, state: TaskState) {
        let before = self.standing(task_index);
        let handlers = self.tallies[task_index.as_usize()].handlers;
        let now = stands(state, handlers).then_some(state);
        if before == now {
            return;
        }
        self.counts.shift_standing(before, now);
        self.failed.remove(&task_index);
        self.killed.remove(&task_index);
        match now {
            Some(TaskState::Failed) => _ = self.failed.insert(task_index),
            Some(_) => _ = self.killed.insert(task_index),
            None => {}
        }
    }

    fn list(&mut self, task_index: TaskIndex, task: &Task) {
        if task.state.is_active() {
            self.active.insert(task_index);
        } else if task.has_idle_attempt() {
            self.idle_attempts.insert(task_index);
        }
        if let Some(due) = task.due_at {
            self.due.insert((due, task_index));
        }
    }

    fn unlist(&mut self, task_index: TaskIndex, task: &Task) {
        self.active.remove(&task_index);
        self.idle_attempts.remove(&task_index);
        if let Some(due) = task.due_at {
            self.due.remove(&(due, task_index));
        }
    }
}
