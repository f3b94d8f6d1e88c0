//! Between rows and state: loading, and folding committed changes in.

use super::{Changes, Counters, Effect, Event, Header, Instance, Round};
use crate::ids::{Epoch, Generation, InstanceId, Millis, Ordinal, Rev};
use crate::plan::Plan;
use crate::task::Task;

/// The stored rows of one instance, from one consistent read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// Its id.
    pub id: InstanceId,
    /// The database's generation.
    pub generation: Generation,
    /// Under which it is owned.
    pub epoch: Epoch,
    /// The version of the rows.
    pub rev: Rev,
    /// When it was created.
    pub created_at: Millis,
    /// Its own row.
    pub header: Header,
    /// Its task rows, each with its latest attempt.
    pub tasks: Vec<(Ordinal, Task)>,
}

impl Instance {
    /// Builds the state from the stored rows: O(tasks + edges). Rows that the plan lacks are left out.
    pub fn load(plan: &Plan, parts: Parts) -> Self {
        let mut tasks = vec![None; plan.nodes.len()];
        for (ordinal, task) in parts.tasks {
            if let Some(place) = tasks.get_mut(ordinal.index()) {
                *place = Some(task);
            }
        }
        let counters = Counters::of(plan, |ordinal| tasks[ordinal.index()].as_ref());
        Self {
            id: parts.id,
            generation: parts.generation,
            epoch: parts.epoch,
            rev: parts.rev,
            created_at: parts.created_at,
            header: parts.header,
            tasks,
            counters,
        }
    }

    /// Returns the row of a task.
    pub fn row(&self, ordinal: Ordinal) -> Option<&Task> {
        self.tasks.get(ordinal.index())?.as_ref()
    }
}

/// Decides events in one round.
pub fn decide(plan: &Plan, instance: &Instance, events: &[Event], at: Millis) -> (Changes, Vec<Effect>) {
    let mut round = Round::new(plan, instance, at);
    for event in events {
        round.step(event.clone());
    }
    round.finish()
}

/// Folds committed changes in and raises rev by one; changes that are empty were never committed.
pub fn apply(plan: &Plan, instance: &mut Instance, changes: &Changes) {
    if changes.is_empty() {
        return;
    }
    instance.rev = Rev(instance.rev.0 + 1);
    if let Some(header) = &changes.header {
        instance.header = header.clone();
    }
    let Some(reset) = changes.reset else {
        for (ordinal, task) in &changes.tasks {
            let old = instance.tasks[ordinal.index()].as_ref();
            instance.counters.follow(plan, *ordinal, old, task);
            instance.tasks[ordinal.index()] = Some(task.clone());
        }
        return;
    };
    for row in &mut instance.tasks {
        *row = row.take().map(|task| match reset.touches(task.state) {
            true => reset.row(task),
            false => task,
        });
    }
    for (ordinal, task) in &changes.tasks {
        instance.tasks[ordinal.index()] = Some(task.clone());
    }
    let tasks = &instance.tasks;
    instance.counters = Counters::of(plan, |ordinal| tasks[ordinal.index()].as_ref());
}

/// Decides one event and folds its changes in: `decide` and `apply` as one function.
pub fn step(plan: &Plan, mut instance: Instance, event: Event, at: Millis) -> (Instance, Vec<Effect>) {
    let (changes, effects) = decide(plan, &instance, &[event], at);
    apply(plan, &mut instance, &changes);
    (instance, effects)
}
