//! What an owner derives from the rows so that no event costs more than what it touches.

use std::collections::BTreeSet;

use crate::ids::{Millis, Ordinal};
use crate::plan::Plan;
use crate::states::TaskState;
use crate::task::Task;

/// Derived from the rows by `Instance::load`, kept by `apply`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// For each task: predecessors in range that are not passable yet.
    pub open_preds: Vec<u32>,
    /// How many tasks are in which kind of state.
    pub tally: Tally,
    /// Tasks in an active state.
    pub active: BTreeSet<Ordinal>,
    /// Tasks that are `failed`.
    pub failed: BTreeSet<Ordinal>,
    /// Tasks that are `killed`.
    pub killed: BTreeSet<Ordinal>,
    /// Tasks that do not run and keep an attempt without a binding.
    pub kept: BTreeSet<Ordinal>,
    /// When the next delay, retry wait or time limit of a task ends.
    pub due: BTreeSet<(Millis, Ordinal)>,
}

/// Numbers that the rule of finishing needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Tasks that take part; never changes.
    pub total: u32,
    /// Tasks that let their successors start.
    pub passable: u32,
    /// Tasks in an active state.
    pub active: u32,
    /// Those of them in `waiting_retry`.
    pub retrying: u32,
    /// Tasks that are `failed`.
    pub failed: u32,
    /// Tasks that are `killed`.
    pub killed: u32,
}

impl Tally {
    /// Moves one task from a state to another.
    pub(super) fn shift(&mut self, from: TaskState, to: TaskState) {
        self.leave(from);
        self.enter(to);
    }

    fn enter(&mut self, state: TaskState) {
        self.passable += u32::from(state.is_passable());
        self.active += u32::from(state.is_active());
        self.retrying += u32::from(state == TaskState::WaitingRetry);
        self.failed += u32::from(state == TaskState::Failed);
        self.killed += u32::from(state == TaskState::Killed);
    }

    fn leave(&mut self, state: TaskState) {
        self.passable -= u32::from(state.is_passable());
        self.active -= u32::from(state.is_active());
        self.retrying -= u32::from(state == TaskState::WaitingRetry);
        self.failed -= u32::from(state == TaskState::Failed);
        self.killed -= u32::from(state == TaskState::Killed);
    }
}

impl Counters {
    /// Counts all rows anew, in the order of the graph: O(tasks + edges).
    pub(super) fn of<'a>(plan: &Plan, row: impl Fn(Ordinal) -> Option<&'a Task>) -> Self {
        let mut counters = Self {
            open_preds: plan
                .nodes
                .iter()
                .map(|node| u32::try_from(node.preds.len()).unwrap_or(u32::MAX))
                .collect(),
            ..Self::default()
        };
        counters.tally.total = plan.live();
        for ordinal in plan.order.iter().copied() {
            let node = &plan.nodes[ordinal.index()];
            let task = row(ordinal).filter(|_| node.takes_part());
            if let Some(task) = task {
                counters.tally.enter(task.state);
                counters.list(ordinal, task);
            }
            let through = node.forbidden && counters.open_preds[ordinal.index()] == 0;
            if through || task.is_some_and(|task| task.state.is_passable()) {
                for succ in &node.succs {
                    counters.open_preds[succ.index()] -= 1;
                }
            }
        }
        counters
    }

    /// Follows one changed row. Rows never become impassable except by a reset, which counts anew.
    pub(super) fn follow(&mut self, plan: &Plan, ordinal: Ordinal, old: Option<&Task>, new: &Task) {
        let from = old.map_or(TaskState::Pending, |task| task.state);
        self.tally.shift(from, new.state);
        if let Some(old) = old {
            self.unlist(ordinal, old);
        }
        self.list(ordinal, new);
        if new.state.is_passable() && !from.is_passable() {
            self.pass(plan, ordinal);
        }
    }

    fn list(&mut self, ordinal: Ordinal, task: &Task) {
        if task.state.is_active() {
            self.active.insert(ordinal);
        } else if task.has_unbound_attempt() {
            self.kept.insert(ordinal);
        }
        if task.state == TaskState::Failed {
            self.failed.insert(ordinal);
        }
        if task.state == TaskState::Killed {
            self.killed.insert(ordinal);
        }
        if let Some(due) = task.due_at {
            self.due.insert((due, ordinal));
        }
    }

    fn unlist(&mut self, ordinal: Ordinal, task: &Task) {
        self.active.remove(&ordinal);
        self.kept.remove(&ordinal);
        self.failed.remove(&ordinal);
        self.killed.remove(&ordinal);
        if let Some(due) = task.due_at {
            self.due.remove(&(due, ordinal));
        }
    }

    fn pass(&mut self, plan: &Plan, ordinal: Ordinal) {
        let mut passed = vec![ordinal];
        while let Some(ordinal) = passed.pop() {
            for succ in &plan.nodes[ordinal.index()].succs {
                let open = &mut self.open_preds[succ.index()];
                *open -= 1;
                if *open == 0 && plan.nodes[succ.index()].forbidden {
                    passed.push(*succ);
                }
            }
        }
    }
}
