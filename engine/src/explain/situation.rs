//! One instance with what surrounds it, and the question why it waits.

use super::cause::{Cause, CauseKind, Link};
use super::surroundings::{ChangeTimes, OwnerSituation, Surroundings};
use super::watched_attempt::watch_of;
use crate::ids::{TaskIndex, Timestamp};
use crate::instance::Instance;
use crate::plan::{Plan, task_indices};
use crate::states::{InstanceState, TaskState};
use crate::view::display_state;

/// Tasks whose causes an instance gives besides its own.
const EXPLAINED_TASKS: usize = 20;

/// An instance as it is stored, with what surrounds it.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What it runs.
    pub plan: &'a Plan,
    /// Its rows.
    pub instance: &'a Instance,
    /// The rows around it.
    pub surroundings: &'a Surroundings,
}

/// Lists the tasks whose causes an instance gives: its first waiting ones in document order.
pub fn explained_tasks(plan: &Plan, instance: &Instance) -> Vec<TaskIndex> {
    task_indices(plan.nodes.len())
        .filter(|task_index| is_waiting(plan, instance, *task_index))
        .take(EXPLAINED_TASKS)
        .collect()
}

/// Whether a task waits.
fn is_waiting(plan: &Plan, instance: &Instance, task_index: TaskIndex) -> bool {
    let row = instance.task(task_index);
    if row.is_some_and(|row| row.has_unconfirmed_kill() || watch_of(plan, task_index, row).is_some()) {
        return true;
    }
    let stored = row.map(|row| (row.state, row.reason.as_deref()));
    match display_state(plan, instance.record().state, task_index, stored).state {
        TaskState::Pending | TaskState::Delayed | TaskState::Waiting | TaskState::WaitingRetry => true,
        TaskState::Dispatched
        | TaskState::Running
        | TaskState::Succeeded
        | TaskState::ForcedSuccess
        | TaskState::Failed
        | TaskState::Killed
        | TaskState::Skipped
        | TaskState::NotRun => false,
    }
}

impl Situation<'_> {
    /// Returns why a task waits; nothing when it does not.
    pub fn explain_task(&self, task_index: TaskIndex) -> Vec<Cause> {
        if !is_waiting(self.plan, self.instance, task_index) {
            return Vec::new();
        }
        let mut causes = self.task_causes(task_index);
        causes.extend(self.obstacles());
        if causes.is_empty() {
            causes.push(self.undecided_cause(self.times_of(task_index).entered_at));
        }
        causes
    }

    /// Returns why the instance waits, then why its first waiting tasks do; nothing when it does not wait.
    pub fn explain_instance(&self) -> Vec<Cause> {
        if !self.is_instance_waiting() {
            return Vec::new();
        }
        let mut causes = self.instance_causes();
        for task_index in explained_tasks(self.plan, self.instance) {
            let name = self.task_name(task_index);
            causes.extend(self.task_causes(task_index).into_iter().map(|cause| Cause {
                detail: format!("task `{name}`: {}", cause.detail),
                ..cause
            }));
        }
        if causes.is_empty() {
            causes.push(self.undecided_cause(self.surroundings.instance_times.entered_at));
        }
        causes
    }

    fn is_instance_waiting(&self) -> bool {
        let record = self.instance.record();
        match record.state {
            InstanceState::Stopped | InstanceState::Failed | InstanceState::Succeeded => false,
            InstanceState::Queued
            | InstanceState::Paused
            | InstanceState::Pausing
            | InstanceState::Stopping => true,
            InstanceState::Running => {
                let mut active = self.instance.counters.active.iter();
                record.attention.is_some()
                    || !self.has_living_owner()
                    || active.all(|task_index| is_waiting(self.plan, self.instance, *task_index))
            }
        }
    }

    pub(super) fn has_living_owner(&self) -> bool {
        self.surroundings.owner == OwnerSituation::Living
    }

    pub(super) fn task_name(&self, task_index: TaskIndex) -> &str {
        let task = self.plan.definition.task(task_index);
        task.map_or("?", |task| task.name.as_str())
    }

    pub(super) fn link_to_task(&self, task_index: TaskIndex) -> Link {
        Link::Task {
            instance: self.instance.rows.id,
            task: self.task_name(task_index).to_owned(),
        }
    }

    /// Returns when a task changed; one that never started has waited since the instance entered its state.
    pub(super) fn times_of(&self, task_index: TaskIndex) -> ChangeTimes {
        let recorded = self.surroundings.task_times.get(&task_index);
        recorded.copied().unwrap_or(self.surroundings.instance_times)
    }

    /// Returns that the owner is to decide next.
    fn undecided_cause(&self, since: Timestamp) -> Cause {
        Cause {
            kind: CauseKind::Owner,
            detail: "its owner has not decided yet what follows".to_owned(),
            since,
            until: None,
            link: Some(Link::Ownership(self.instance.rows.id)),
        }
    }
}
