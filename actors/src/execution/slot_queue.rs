//! The requests that wait for slots of one worker group, in the order in which they are granted.
//!
//! Projects take turns by their weights, whatever the priorities of their tasks; priorities order the requests of one
//! project. Each project has a virtual time, which moves with each slot that it gets, the slower the greater its weight;
//! the one that is furthest behind is next. A project that waited for nothing begins at the time of the last turn: it is
//! not owed the slots that it did not want.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::ids::{InstanceId, TaskIndex, Timestamp};
use engine::states::Priority;

/// How far a slot moves a project of weight 1.
const TURN: u64 = 1_000_000;

/// A request for a slot; requests of one project in one group are granted in the order of their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotRequest {
    /// The instance's priority.
    pub instance_priority: Priority,
    /// The task's priority.
    pub task_priority: Priority,
    /// When the task became ready.
    pub ready_at: Timestamp,
    /// The instance.
    pub instance: InstanceId,
    /// The task.
    pub task_index: TaskIndex,
}

/// The weights of projects; one that is not among them has weight 1.
pub(crate) type ProjectWeights = BTreeMap<String, u32>;

/// The requests of one project.
#[derive(Debug, Default)]
struct ProjectRequests {
    waiting: BTreeSet<SlotRequest>,
    /// The virtual time of its next turn.
    next_turn: u64,
}

/// The requests of one worker group.
#[derive(Debug, Default)]
pub(crate) struct SlotQueue {
    projects: BTreeMap<Arc<str>, ProjectRequests>,
    /// The virtual time of the last turn.
    now: u64,
    waiting: usize,
}

impl SlotQueue {
    /// Returns the number of requests.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Adds a request.
    pub(crate) fn insert(&mut self, project: &Arc<str>, request: SlotRequest) {
        let now = self.now;
        let requests = self.projects.entry(Arc::clone(project)).or_default();
        if requests.waiting.is_empty() {
            requests.next_turn = requests.next_turn.max(now);
        }
        self.waiting += usize::from(requests.waiting.insert(request));
    }

    /// Removes a request.
    pub(crate) fn remove(&mut self, project: &str, request: &SlotRequest) {
        if let Some(requests) = self.projects.get_mut(project) {
            self.waiting -= usize::from(requests.waiting.remove(request));
        }
    }

    /// Returns the request that is next, with its project.
    pub(crate) fn first(&self) -> Option<(Arc<str>, SlotRequest)> {
        let waiting = self.projects.iter().filter_map(|(project, requests)| {
            let request = requests.waiting.first()?;
            Some((requests.next_turn, project, request))
        });
        let (_, project, request) = waiting.min_by_key(|(turn, project, _)| (*turn, *project))?;
        Some((Arc::clone(project), *request))
    }

    /// Moves a project that got a slot to its next turn.
    pub(crate) fn take_turn(&mut self, project: &Arc<str>, weights: &ProjectWeights) {
        let weight = weights.get(project.as_ref()).copied().unwrap_or(1).max(1);
        let turn = {
            let requests = self.projects.entry(Arc::clone(project)).or_default();
            let turn = requests
                .next_turn
                .max(if requests.waiting.is_empty() { self.now } else { 0 });
            requests.next_turn = turn + TURN / u64::from(weight);
            turn
        };
        self.now = self.now.max(turn);
        let now = self.now;
        self.projects
            .retain(|_, requests| !requests.waiting.is_empty() || requests.next_turn > now);
    }
}

#[cfg(test)]
mod tests;
