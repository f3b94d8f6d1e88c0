//! The transitions of one batch.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::Transition;
use super::record::InstanceRecord;
use super::row_overlay::RowOverlay;
use crate::ids::{Run, TaskIndex};
use crate::plan::Plan;
use crate::states::{InstanceState, TaskState};
use crate::task::Task;

/// Collects why things changed, and records one transition for each change since the last recording.
#[derive(Default)]
pub(super) struct History {
    recorded: Vec<Transition>,
    /// What a reset of this batch cleared, recorded after the instance's own step.
    cleared: Vec<Transition>,
    /// The states that `recorded` ends with.
    instance_state: Option<(InstanceState, Run)>,
    task_states: BTreeMap<TaskIndex, TaskState>,
    /// Why the instance changed.
    instance_whys: Vec<String>,
    /// Why each task changed.
    task_whys: BTreeMap<TaskIndex, String>,
    /// Tasks with a transition to record although their state stays.
    noted_tasks: BTreeSet<TaskIndex>,
    /// The instance has a transition to record although its state stays.
    is_instance_noted: bool,
}

impl History {
    /// Remembers why the instance changes its state.
    pub(super) fn explain_instance(&mut self, why: impl Into<String>) {
        self.instance_whys.push(why.into());
    }

    /// Has a transition recorded for the instance although its state stays.
    pub(super) fn note_instance(&mut self, why: impl Into<String>) {
        self.explain_instance(why);
        self.is_instance_noted = true;
    }

    /// Remembers why a task changed; of several changes into one state the first counts.
    pub(super) fn explain_task(
        &mut self,
        task_index: TaskIndex,
        (from, to): (TaskState, TaskState),
        why: &str,
    ) {
        if from != to || !self.task_whys.contains_key(&task_index) {
            self.append_task_why(task_index, why);
        }
    }

    /// Has a transition recorded for a task although its state stays.
    pub(super) fn note_task(&mut self, task_index: TaskIndex) {
        self.noted_tasks.insert(task_index);
    }

    /// Adds to why a task changed.
    pub(super) fn append_task_why(&mut self, task_index: TaskIndex, why: &str) {
        let whys = self.task_whys.entry(task_index).or_default();
        if !whys.is_empty() {
            whys.push_str("; ");
        }
        whys.push_str(why);
    }

    /// Forgets why a task changed.
    pub(super) fn forget_task(&mut self, task_index: TaskIndex) {
        self.task_whys.remove(&task_index);
    }

    /// Remembers that a reset moved tasks from these states to `pending`.
    pub(super) fn clear_tasks(&mut self, left: BTreeMap<TaskIndex, TaskState>, why: &str) {
        for (task_index, from) in left {
            self.task_states.insert(task_index, TaskState::Pending);
            if from != TaskState::Pending {
                self.cleared.push(Transition {
                    task_index: Some(task_index),
                    attempt: None,
                    from: Some(from.as_str()),
                    to: TaskState::Pending.as_str(),
                    why: why.to_owned(),
                });
            }
        }
    }

    /// Records transitions for what changed since the last recording.
    pub(super) fn record(
        &mut self,
        plan: &Plan,
        stored: &InstanceRecord,
        record: &InstanceRecord,
        rows: &RowOverlay<'_>,
    ) {
        let own = self.instance_transition(stored, record);
        let (first, last) = if record.state.is_final() {
            (None, own)
        } else {
            (own, None)
        };
        self.recorded.extend(first);
        self.recorded.append(&mut self.cleared);
        // One batch may hold the end of a task and the start of its successor, whatever their document order.
        let mut touched: Vec<(&TaskIndex, &Task)> = rows.touched().iter().collect();
        touched.sort_by_key(|(task_index, _)| plan.rank(**task_index));
        let tasks: Vec<Transition> = touched
            .into_iter()
            .filter_map(|(task_index, task)| self.task_transition(*task_index, task, rows.base(*task_index)))
            .collect();
        self.recorded.extend(tasks);
        self.recorded.extend(last);
        self.instance_state = Some((record.state, record.run));
        for (task_index, task) in rows.touched() {
            self.task_states.insert(*task_index, task.state);
        }
        self.instance_whys.clear();
        self.task_whys.clear();
        self.noted_tasks.clear();
        self.is_instance_noted = false;
    }

    /// Returns all recorded transitions.
    pub(super) fn into_transitions(self) -> Vec<Transition> {
        self.recorded
    }

    fn instance_transition(&self, stored: &InstanceRecord, record: &InstanceRecord) -> Option<Transition> {
        let (from, run) = self.instance_state.unwrap_or((stored.state, stored.run));
        let is_same = (from, run) == (record.state, record.run);
        (!is_same || self.is_instance_noted).then(|| Transition {
            task_index: None,
            attempt: None,
            from: Some(from.as_str()),
            to: record.state.as_str(),
            why: self.instance_whys.join("; "),
        })
    }

    fn task_transition(
        &self,
        task_index: TaskIndex,
        task: &Task,
        before: Option<&Task>,
    ) -> Option<Transition> {
        let recorded = self.task_states.get(&task_index).copied();
        let from = recorded
            .or(before.map(|row| row.state))
            .unwrap_or(TaskState::Pending);
        let number = |row: &Task| row.attempt.as_ref().map(|attempt| attempt.number);
        let is_next_attempt = task.state == TaskState::Dispatched
            && number(task) != before.and_then(number)
            && self.task_whys.contains_key(&task_index);
        // What edges decide about a task that never started is no entry of the history, and has no reason here.
        let is_step = from != task.state && self.task_whys.contains_key(&task_index);
        let is_recorded = is_step || is_next_attempt || self.noted_tasks.contains(&task_index);
        is_recorded.then(|| Transition {
            task_index: Some(task_index),
            attempt: number(task).filter(|_| concerns_attempt(task.state)),
            from: Some(from.as_str()),
            to: task.state.as_str(),
            why: self.task_whys.get(&task_index).cloned().unwrap_or_default(),
        })
    }
}

/// Whether a transition into this state is about the latest attempt.
fn concerns_attempt(state: TaskState) -> bool {
    !matches!(
        state,
        TaskState::Pending | TaskState::Delayed | TaskState::ForcedSuccess | TaskState::Skipped
    )
}
