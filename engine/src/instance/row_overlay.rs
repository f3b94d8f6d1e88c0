//! The task rows as one batch sees them: its own changes over what is stored.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::changes::Reset;
use super::counters::{Counters, TaskCounts};
use super::state::Instance;
use crate::ids::{TaskIndex, Timestamp};
use crate::plan::Plan;
use crate::states::TaskState;
use crate::task::Task;

/// A copy-on-write view: reading and changing cost only what they touch; a reset costs O(tasks + edges).
pub(super) struct RowOverlay<'a> {
    plan: &'a Plan,
    /// As it was when the batch began.
    stored: &'a Instance,
    /// `stored`, after the reset of this batch if there is one.
    base: Cow<'a, Instance>,
    /// Rows that this batch touched.
    touched: BTreeMap<TaskIndex, Task>,
    /// Counts of unmet dependencies that this batch changed.
    unmet_dependencies: BTreeMap<TaskIndex, u32>,
    counts: TaskCounts,
    reset: Option<Reset>,
}

impl<'a> RowOverlay<'a> {
    /// Returns the stored rows without any change.
    pub(super) fn new(plan: &'a Plan, stored: &'a Instance) -> Self {
        Self {
            plan,
            stored,
            base: Cow::Borrowed(stored),
            touched: BTreeMap::new(),
            unmet_dependencies: BTreeMap::new(),
            counts: stored.counters.counts,
            reset: None,
        }
    }

    /// Returns a row.
    pub(super) fn get(&self, task_index: TaskIndex) -> Option<&Task> {
        self.touched
            .get(&task_index)
            .or_else(|| self.base.task(task_index))
    }

    /// Returns the state of a task.
    pub(super) fn state_of(&self, task_index: TaskIndex) -> TaskState {
        self.get(task_index).map_or(TaskState::Pending, |task| task.state)
    }

    /// Returns a row as it was when the batch began, before any reset.
    pub(super) fn stored(&self, task_index: TaskIndex) -> Option<&Task> {
        self.stored.task(task_index)
    }

    /// Returns a row as a reset of this batch left it, without other changes.
    pub(super) fn base(&self, task_index: TaskIndex) -> Option<&Task> {
        self.base.task(task_index)
    }

    /// Lists the rows that this batch touched.
    pub(super) fn touched(&self) -> &BTreeMap<TaskIndex, Task> {
        &self.touched
    }

    /// Returns how many tasks are in which kind of state.
    pub(super) fn counts(&self) -> TaskCounts {
        self.counts
    }

    /// Whether all dependencies of a task are met.
    pub(super) fn is_ready(&self, task_index: TaskIndex) -> bool {
        self.unmet(task_index) == 0
    }

    fn unmet(&self, task_index: TaskIndex) -> u32 {
        let counted = || self.base.counters.unmet_dependencies[task_index.as_usize()];
        self.unmet_dependencies
            .get(&task_index)
            .copied()
            .unwrap_or_else(counted)
    }

    /// Lists tasks in an active state.
    pub(super) fn active(&self) -> BTreeSet<TaskIndex> {
        self.matching(|counters| &counters.active, |task| task.state.is_active())
    }

    /// Lists tasks that are `killed`.
    pub(super) fn killed(&self) -> BTreeSet<TaskIndex> {
        self.matching(
            |counters| &counters.killed,
            |task| task.state == TaskState::Killed,
        )
    }

    /// Lists tasks that do not run but have an unbound attempt.
    pub(super) fn unbound(&self) -> BTreeSet<TaskIndex> {
        self.matching(
            |counters| &counters.unbound,
            |task| !task.state.is_active() && task.has_unbound_attempt(),
        )
    }

    /// Returns the first failed task in document order, or the first killed one.
    pub(super) fn first_failed_or_killed(&self) -> Option<TaskIndex> {
        let failed = self.first(
            |counters| &counters.failed,
            |task| task.state == TaskState::Failed,
        );
        failed.or_else(|| {
            self.first(
                |counters| &counters.killed,
                |task| task.state == TaskState::Killed,
            )
        })
    }

    /// Returns the first active task that is at a worker.
    pub(super) fn first_at_worker(&self) -> Option<TaskIndex> {
        let at_worker = |task: &Task| {
            task.open_attempt()
                .is_some_and(|attempt| attempt.worker.is_some())
        };
        let mut untouched = self
            .base
            .counters
            .active
            .iter()
            .filter(|o| !self.touched.contains_key(o));
        let stored = untouched.find(|o| self.base.task(**o).is_some_and(at_worker));
        let changed = self.touched.iter().find(|(_, task)| at_worker(task));
        stored.into_iter().chain(changed.map(|(o, _)| o)).min().copied()
    }

    /// Lists tasks with a due time of `at` or before.
    pub(super) fn due_by(&self, at: Timestamp) -> Vec<TaskIndex> {
        let last = (at, TaskIndex(u32::MAX));
        let stored = self.base.counters.due.range(..=last).map(|(_, o)| *o);
        let changed = self
            .touched
            .iter()
            .filter(|(_, task)| task.due_at.is_some_and(|due| due <= at));
        stored
            .filter(|o| !self.touched.contains_key(o))
            .chain(changed.map(|(o, _)| *o))
            .collect()
    }

    /// Returns the earliest due time of a task.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let mut stored = self.base.counters.due.iter();
        let untouched = stored.find(|(_, o)| !self.touched.contains_key(o));
        let changed = self.touched.values().filter_map(|task| task.due_at).min();
        untouched.map(|(due, _)| *due).into_iter().chain(changed).min()
    }

    /// Moves every due time of a task.
    pub(super) fn move_due_times(&mut self, by_ms: i64) {
        for task_index in self.due_by(Timestamp(i64::MAX)) {
            if let Some(mut task) = self.get(task_index).cloned() {
                task.due_at = task.due_at.map(|due| due.plus(by_ms));
                self.touched.insert(task_index, task);
            }
        }
    }

    fn matching(
        &self,
        set: fn(&Counters) -> &BTreeSet<TaskIndex>,
        holds: fn(&Task) -> bool,
    ) -> BTreeSet<TaskIndex> {
        let stored = set(&self.base.counters).iter();
        let changed = self.touched.iter().filter(|(_, task)| holds(task));
        stored
            .filter(|o| !self.touched.contains_key(o))
            .chain(changed.map(|(o, _)| o))
            .copied()
            .collect()
    }

    fn first(
        &self,
        set: fn(&Counters) -> &BTreeSet<TaskIndex>,
        holds: fn(&Task) -> bool,
    ) -> Option<TaskIndex> {
        let mut stored = set(&self.base.counters).iter();
        let untouched = stored.find(|o| !self.touched.contains_key(o));
        let changed = self.touched.iter().find(|(_, task)| holds(task));
        untouched
            .into_iter()
            .chain(changed.map(|(o, _)| o))
            .min()
            .copied()
    }

    /// Marks a row as touched although it stays as it is.
    pub(super) fn touch(&mut self, task_index: TaskIndex) {
        if let Some(task) = self.get(task_index).cloned() {
            self.touched.insert(task_index, task);
        }
    }

    /// Puts a changed row in place; returns the tasks whose dependencies are met by that.
    pub(super) fn put_row(&mut self, task_index: TaskIndex, task: Task) -> Vec<TaskIndex> {
        let (from, to) = (self.state_of(task_index), task.state);
        self.counts.shift(from, to);
        self.touched.insert(task_index, task);
        let plan = self.plan;
        plan.newly_ready(task_index, (from, to), |dependent| {
            let unmet = self.unmet(dependent).saturating_sub(1);
            self.unmet_dependencies.insert(dependent, unmet);
            unmet
        })
    }

    /// Forgets a task that was never ready and never will be: it needs no row.
    pub(super) fn forget(&mut self, task_index: TaskIndex, last: TaskState) {
        self.counts.shift(self.state_of(task_index), last);
        self.touched.remove(&task_index);
    }

    /// Resets rows; returns the states that they left. The first reset of a batch is stored as one statement,
    /// a second one row by row.
    pub(super) fn reset(&mut self, reset: Reset) -> BTreeMap<TaskIndex, TaskState> {
        let mut left = BTreeMap::new();
        if self.reset.is_some() {
            self.touch_all(reset);
        } else {
            self.reset = Some(reset);
            for (task_index, task) in &mut self.base.to_mut().rows.tasks {
                reset_matching(reset, *task_index, task, &mut left);
            }
        }
        for (task_index, task) in &mut self.touched {
            left.remove(task_index);
            reset_matching(reset, *task_index, task, &mut left);
        }
        let counters = Counters::count(self.plan, |task_index| self.get(task_index));
        self.counts = counters.counts;
        self.unmet_dependencies.clear();
        self.base.to_mut().counters = counters;
        left
    }

    fn touch_all(&mut self, reset: Reset) {
        for (task_index, task) in &self.base.rows.tasks {
            if reset.touches(task.state) && !self.touched.contains_key(task_index) {
                self.touched.insert(*task_index, Task::clone(task));
            }
        }
    }

    /// Returns what must be stored: the reset, then the rows that differ from what it leaves.
    pub(super) fn into_changes(self) -> (Option<Reset>, BTreeMap<TaskIndex, Task>) {
        let Self {
            base, touched, reset, ..
        } = self;
        let changed = touched
            .into_iter()
            .filter(|(task_index, task)| base.task(*task_index) != Some(task))
            .collect();
        (reset, changed)
    }
}

fn reset_matching(
    reset: Reset,
    task_index: TaskIndex,
    task: &mut Task,
    left: &mut BTreeMap<TaskIndex, TaskState>,
) {
    if reset.touches(task.state) {
        left.insert(task_index, task.state);
        reset.reset_row(task);
    }
}
