//! The task rows as one batch sees them: its own changes over what is stored.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::changes::Reset;
use super::counters::{Counters, TaskCounts};
use super::state::Instance;
use crate::ids::{TaskIndex, Timestamp};
use crate::overrides::TaskOverrides;
use crate::plan::Plan;
use crate::plan::propagation::{TallyTable, follow_change};
use crate::plan::trigger_rule::{EdgeTally, Outcome, TaskFate, Verdict, stands};
use crate::states::{KillCause, TaskState};
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
    /// Tallies that this batch changed.
    tallies: BTreeMap<TaskIndex, EdgeTally>,
    /// Tasks whose failure this batch made stand, in their state, or stand no longer.
    standing: BTreeMap<TaskIndex, Option<TaskState>>,
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
            tallies: BTreeMap::new(),
            standing: BTreeMap::new(),
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

    /// Returns what the instance runs.
    pub(super) fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// Lists the rows that this batch touched.
    pub(super) fn touched(&self) -> &BTreeMap<TaskIndex, Task> {
        &self.touched
    }

    /// Returns how many tasks are in which kind of state.
    pub(super) fn counts(&self) -> TaskCounts {
        self.counts
    }

    /// Returns what the edges of a task decide about it.
    pub(super) fn verdict_of(&self, task_index: TaskIndex) -> Verdict {
        self.tally_of(task_index).edges.verdict()
    }

    /// Returns what became of a task; none while it is not settled.
    pub(super) fn outcome_of(&self, task_index: TaskIndex) -> Option<Outcome> {
        let (fate, verdict) = (self.fate_of(task_index), self.verdict_of(task_index));
        self.plan.outcome(task_index, fate, verdict)
    }

    /// Lists tasks in an active state.
    pub(super) fn active(&self) -> BTreeSet<TaskIndex> {
        self.matching(|counters| &counters.active, |task| task.state.is_active())
    }

    /// Lists tasks that do not run but have an open attempt.
    pub(super) fn idle_attempts(&self) -> BTreeSet<TaskIndex> {
        self.matching(|counters| &counters.idle_attempts, Task::has_idle_attempt)
    }

    /// Whether the failure of a task stands.
    pub(super) fn is_standing(&self, task_index: TaskIndex) -> bool {
        self.standing_of(task_index).is_some()
    }

    fn standing_of(&self, task_index: TaskIndex) -> Option<TaskState> {
        let stored = || self.base.counters.standing(task_index);
        self.standing.get(&task_index).copied().unwrap_or_else(stored)
    }

    /// Returns the first failed task in document order whose failure stands, or the first killed one.
    pub(super) fn first_standing(&self) -> Option<TaskIndex> {
        let counters = &self.base.counters;
        let first = |stored: &BTreeSet<TaskIndex>, state: TaskState| {
            let untouched = stored.iter().find(|o| !self.standing.contains_key(o));
            let changed = self.standing.iter().find(|(_, now)| **now == Some(state));
            untouched
                .into_iter()
                .chain(changed.map(|(o, _)| o))
                .min()
                .copied()
        };
        first(&counters.failed, TaskState::Failed).or_else(|| first(&counters.killed, TaskState::Killed))
    }

    /// Whether a failure stands; in a run of single tasks only that of one of them.
    pub(super) fn has_standing_failure_of_run(&self) -> bool {
        match self.plan.run_range {
            None => self.counts.has_standing_failure(),
            Some(_) => self.standing_of_run(|_| true),
        }
    }

    /// Whether a pause ends as a failure: a failure of this run stands. What was killed from outside runs again after the
    /// pause, but what a person killed does not.
    pub(super) fn has_failure_in_pause(&self) -> bool {
        self.standing_of_run(|task| {
            let cause = task.attempt.as_ref().and_then(|attempt| attempt.kill_cause);
            task.state == TaskState::Failed || cause == Some(KillCause::Kill)
        })
    }

    /// Whether the failure of a task of this run stands, for which this holds.
    fn standing_of_run(&self, holds: impl Fn(&Task) -> bool) -> bool {
        let counters = &self.base.counters;
        let listed = counters.failed.iter().chain(&counters.killed);
        let mut listed = listed.chain(self.standing.keys());
        self.counts.has_standing_failure()
            && listed.any(|o| {
                let is_frozen = self.plan.nodes[o.as_usize()].frozen;
                !is_frozen && self.is_standing(*o) && self.get(*o).is_some_and(&holds)
            })
    }

    /// Lists tasks that a pause or a stop kept from starting: O(rows).
    pub(super) fn suspended(&self) -> BTreeSet<TaskIndex> {
        let stored = self.base.rows.tasks.keys().chain(self.touched.keys());
        let is_suspended = |task_index: &TaskIndex| {
            self.state_of(*task_index) == TaskState::NotRun && self.outcome_of(*task_index).is_none()
        };
        stored.copied().filter(is_suspended).collect()
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
            let Some(mut task) = self.get(task_index).cloned() else {
                continue;
            };
            task.due_at = task.due_at.map(|due| due.plus(by_ms));
            if let Some(progress) = task.progress.as_mut() {
                progress.move_times(by_ms);
            }
            self.touched.insert(task_index, task);
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

    /// Adds to what a person changed of a task.
    pub(super) fn override_task(&mut self, task_index: TaskIndex, overrides: TaskOverrides) {
        if let Some(mut task) = self.get(task_index).cloned() {
            task.overrides.get_or_insert_default().merge(overrides);
            self.touched.insert(task_index, task);
        }
    }

    /// Marks a row as touched although it stays as it is.
    pub(super) fn touch(&mut self, task_index: TaskIndex) {
        if let Some(task) = self.get(task_index).cloned() {
            self.touched.insert(task_index, task);
        }
    }

    /// Puts a changed row in place; returns the tasks about which their edges decide something else by that.
    pub(super) fn put_row(&mut self, task_index: TaskIndex, task: Task) -> Vec<(TaskIndex, Verdict)> {
        let (from, to) = (self.fate_of(task_index), task.state);
        self.touched.insert(task_index, task);
        self.shift_state(task_index, (from.state, to));
        let plan = self.plan;
        follow_change(plan, self, task_index, from)
    }

    /// Forgets a task that was never ready and is not to start now: it needs no row.
    pub(super) fn forget(&mut self, task_index: TaskIndex, last: TaskState) {
        let from = self.state_of(task_index);
        self.touched.remove(&task_index);
        self.shift_state(task_index, (from, last));
    }

    fn shift_state(&mut self, task_index: TaskIndex, (from, to): (TaskState, TaskState)) {
        if self.plan.is_included(task_index) {
            self.counts.shift(from, to);
        }
        self.set_standing(task_index);
    }

    fn set_standing(&mut self, task_index: TaskIndex) {
        let before = self.standing_of(task_index);
        let state = self.state_of(task_index);
        let now = stands(state, self.tally_of(task_index).handlers).then_some(state);
        if before != now {
            self.counts.shift_standing(before, now);
            self.standing.insert(task_index, now);
        }
    }

    /// Resets rows; returns the states that they left, without those of tasks that their edges kept from ever starting.
    /// The first reset of a batch is stored as one statement, a second one row by row.
    pub(super) fn reset(&mut self, reset: Reset) -> BTreeMap<TaskIndex, TaskState> {
        let left = self.seen_states(&reset);
        if self.reset.is_some() {
            self.touch_all(&reset);
        } else {
            let stored = &mut self.base.to_mut().rows.tasks;
            reset.reset_rows(
                stored
                    .iter_mut()
                    .map(|(task_index, task)| (*task_index, task.as_mut())),
            );
        }
        reset.reset_rows(
            self.touched
                .iter_mut()
                .map(|(task_index, task)| (*task_index, task)),
        );
        self.reset.get_or_insert(reset);
        let counters = Counters::count(self.plan, |task_index| self.get(task_index));
        self.counts = counters.counts;
        self.tallies.clear();
        self.standing.clear();
        self.base.to_mut().counters = counters;
        left
    }

    /// Returns the states of rows that a reset touches, without those that no history knows.
    fn seen_states(&self, reset: &Reset) -> BTreeMap<TaskIndex, TaskState> {
        let rows = self.base.rows.tasks.keys().chain(self.touched.keys());
        let is_seen = |task_index: &TaskIndex| {
            let is_settled = self.outcome_of(*task_index).is_some();
            let never_started = self.get(*task_index).is_none_or(Task::has_no_history);
            reset.touches(*task_index) && !(is_settled && never_started)
        };
        rows.copied()
            .filter(is_seen)
            .map(|task_index| (task_index, self.state_of(task_index)))
            .collect()
    }

    fn touch_all(&mut self, reset: &Reset) {
        for (task_index, task) in &self.base.rows.tasks {
            if reset.touches(*task_index) && !self.touched.contains_key(task_index) {
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

impl TallyTable for RowOverlay<'_> {
    fn fate_of(&self, task_index: TaskIndex) -> TaskFate {
        self.plan.fate(task_index, self.get(task_index))
    }

    fn tally_of(&self, task_index: TaskIndex) -> EdgeTally {
        let counted = || self.base.counters.tallies[task_index.as_usize()];
        self.tallies.get(&task_index).copied().unwrap_or_else(counted)
    }

    fn put_tally(&mut self, task_index: TaskIndex, tally: EdgeTally) {
        self.tallies.insert(task_index, tally);
        self.set_standing(task_index);
    }
}
