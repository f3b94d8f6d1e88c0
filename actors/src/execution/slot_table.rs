//! The slots of workers as one master may use them: which are in use, and which tasks wait for one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::ids::{Incarnation, InstanceId, TaskIndex};
use engine::task::Worker;

use crate::execution::reachability::{ContactState, Reachability};
use crate::execution::slot_queue::{ProjectWeights, SlotQueue, SlotRequest};
use crate::execution::worker_selection::{SlotCandidate, WorkerSelection};

/// The slots of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WorkerSlots {
    name: String,
    group: String,
    total: u32,
    /// Attempts of this master that the worker may hold at once, as it last answered.
    allowed: u32,
    in_flight: u32,
    contact: ContactState,
    /// Why it last refused an attempt.
    refusal: Option<String>,
}

impl WorkerSlots {
    fn free(&self) -> u32 {
        if self.contact.is_reachable() {
            self.allowed.saturating_sub(self.in_flight)
        } else {
            0
        }
    }
}

/// Slots in use and requests that wait, without locks or messages.
#[derive(Debug, Default)]
pub(crate) struct SlotTable {
    selection: WorkerSelection,
    /// The number of slots granted so far, from which random selections are derived.
    turn: u64,
    workers: BTreeMap<Incarnation, WorkerSlots>,
    waiting: BTreeMap<String, SlotQueue>,
    /// The waiting request of each task: an instance may have ten thousand of them.
    requests: BTreeMap<(InstanceId, TaskIndex), QueuedRequest>,
    weights: ProjectWeights,
}

/// A waiting request, and where it waits.
#[derive(Debug, Clone)]
struct QueuedRequest {
    group: String,
    project: Arc<str>,
    request: SlotRequest,
}

impl SlotTable {
    /// Makes an empty table that selects workers in this way.
    pub(crate) fn new(selection: WorkerSelection) -> Self {
        Self {
            selection,
            ..Self::default()
        }
    }

    /// Sets the weights by which projects take turns.
    pub(crate) fn set_weights(&mut self, weights: ProjectWeights) {
        self.weights = weights;
    }

    /// Adds a worker, or replaces what is known of it, but for its attempts in flight.
    pub(crate) fn add_worker(&mut self, worker: &Worker, group: &str, total: u32) {
        let in_flight = self
            .workers
            .get(&worker.incarnation)
            .map_or(0, |slots| slots.in_flight);
        let slots = WorkerSlots {
            name: worker.name.clone(),
            group: group.to_owned(),
            total,
            allowed: total,
            in_flight,
            contact: ContactState::New,
            refusal: None,
        };
        self.workers.insert(worker.incarnation, slots);
    }

    /// Removes a worker; its slots in use free nothing afterwards.
    pub(crate) fn remove_worker(&mut self, worker: Incarnation) {
        self.workers.remove(&worker);
    }

    /// Records how many slots a worker reported free beyond what is in flight there, after it refused some of that.
    /// Returns its group.
    ///
    /// Without a refusal an answer only raises what is allowed: it may be older than slots that were released since, and
    /// an estimate that is too high costs one refusal, one that is too low would leave slots idle.
    pub(crate) fn record_answer(&mut self, worker: Incarnation, refused: u32, free: u32) -> Option<String> {
        let slots = self.workers.get_mut(&worker)?;
        let reported = slots.in_flight.saturating_sub(refused).saturating_add(free);
        let lowest = if refused > 0 { 0 } else { slots.allowed };
        slots.allowed = reported.max(lowest).min(slots.total);
        Some(slots.group.clone())
    }

    /// Records why a worker refused an attempt; none when it accepted.
    pub(crate) fn record_refusal(&mut self, worker: Incarnation, reason: Option<String>) {
        if let Some(slots) = self.workers.get_mut(&worker) {
            slots.refusal = reason;
        }
    }

    /// Records that a worker answered; returns its group when it had not before.
    pub(crate) fn mark_reachable(&mut self, worker: Incarnation) -> Option<String> {
        let slots = self.workers.get_mut(&worker)?;
        let before = std::mem::replace(&mut slots.contact, ContactState::Reachable);
        (!before.is_reachable()).then(|| slots.group.clone())
    }

    /// Records that a worker did not answer: it gets nothing new.
    pub(crate) fn mark_unreachable(&mut self, worker: Incarnation, now: Instant) {
        if let Some(slots) = self.workers.get_mut(&worker)
            && slots.contact.is_reachable()
        {
            slots.contact = ContactState::UnreachableSince(now);
        }
    }

    /// Returns which workers answer, and which have not for at least `timeout`.
    pub(crate) fn reachability(&self, timeout: Duration) -> Reachability {
        let mut reachability = Reachability {
            known: self.workers.len(),
            ..Reachability::default()
        };
        for (worker, slots) in &self.workers {
            match slots.contact {
                ContactState::Reachable => {
                    reachability.reachable.insert(*worker);
                }
                ContactState::UnreachableSince(at) if at.elapsed() >= timeout => {
                    reachability.unreachable.insert(*worker, slots.name.clone());
                }
                ContactState::New | ContactState::UnreachableSince(_) => {}
            }
        }
        reachability
    }

    /// Takes a slot for a request of a project unless one that comes first waits; otherwise the request waits, for the
    /// returned reason.
    pub(crate) fn request(
        &mut self,
        group: &str,
        project: &Arc<str>,
        request: SlotRequest,
    ) -> Result<Worker, String> {
        self.cancel(request.instance, request.task_index);
        let is_alone = self.waiting.get(group).is_none_or(SlotQueue::is_empty);
        if is_alone && let Some(worker) = self.take_slot(group) {
            self.take_turn(group, project);
            return Ok(worker);
        }
        let queue = self.waiting.entry(group.to_owned()).or_default();
        queue.insert(project, request);
        let queued = QueuedRequest {
            group: group.to_owned(),
            project: Arc::clone(project),
            request,
        };
        let is_first = queue.first().is_some_and(|(_, first)| first == request);
        self.requests
            .insert((request.instance, request.task_index), queued);
        match is_first.then(|| self.grant_next(group)).flatten() {
            Some((_, worker)) => Ok(worker),
            None => Err(self.wait_reason(group)),
        }
    }

    /// Takes a slot for the next waiting request of a group, while there is one for it.
    pub(crate) fn grant_next(&mut self, group: &str) -> Option<(SlotRequest, Worker)> {
        let (project, request) = self.waiting.get(group)?.first()?;
        let worker = self.take_slot(group)?;
        self.cancel(request.instance, request.task_index);
        self.take_turn(group, &project);
        Some((request, worker))
    }

    /// Moves a project that got a slot of a group to its next turn.
    fn take_turn(&mut self, group: &str, project: &Arc<str>) {
        if !self.waiting.contains_key(group) {
            self.waiting.insert(group.to_owned(), SlotQueue::default());
        }
        if let Some(queue) = self.waiting.get_mut(group) {
            queue.take_turn(project, &self.weights);
        }
    }

    /// Counts an attempt that already is at a worker, even past what the worker allows.
    pub(crate) fn reserve(&mut self, worker: Incarnation) {
        if let Some(slots) = self.workers.get_mut(&worker) {
            slots.in_flight += 1;
        }
    }

    /// Frees a slot; returns the worker's group.
    pub(crate) fn release(&mut self, worker: Incarnation) -> Option<String> {
        let slots = self.workers.get_mut(&worker)?;
        slots.in_flight = slots.in_flight.saturating_sub(1);
        Some(slots.group.clone())
    }

    /// Removes the waiting request of a task.
    pub(crate) fn cancel(&mut self, instance: InstanceId, task_index: TaskIndex) {
        let Some(queued) = self.requests.remove(&(instance, task_index)) else {
            return;
        };
        if let Some(queue) = self.waiting.get_mut(&queued.group) {
            queue.remove(&queued.project, &queued.request);
        }
    }

    /// Removes the waiting requests of all tasks of an instance.
    pub(crate) fn cancel_all(&mut self, instance: InstanceId) {
        let first = (instance, TaskIndex(0));
        let last = (instance, TaskIndex(u32::MAX));
        let tasks: Vec<TaskIndex> = self
            .requests
            .range(first..=last)
            .map(|((_, task_index), _)| *task_index)
            .collect();
        tasks
            .into_iter()
            .for_each(|task_index| self.cancel(instance, task_index));
    }

    /// Returns a snapshot for the debug route.
    pub(crate) fn observe(&self) -> serde_json::Value {
        let workers: Vec<_> = self
            .workers
            .iter()
            .map(|(incarnation, slots)| {
                serde_json::json!({"worker": slots.name, "incarnation": incarnation, "group": slots.group,
                    "reachable": slots.contact.is_reachable(), "allowed": slots.allowed,
                    "in_flight": slots.in_flight})
            })
            .collect();
        let waiting: BTreeMap<_, _> = self
            .waiting
            .iter()
            .map(|(group, queue)| (group, queue.len()))
            .collect();
        serde_json::json!({"workers": workers, "waiting": waiting})
    }

    /// Whether a task waits although its group has a worker.
    #[cfg(test)]
    pub(crate) fn is_starving(&self) -> bool {
        let mut groups = self.workers.values().map(|slots| &slots.group);
        groups.any(|group| self.waiting.get(group).is_some_and(|queue| !queue.is_empty()))
    }

    /// Takes a slot of one of the workers of a group that have free ones.
    fn take_slot(&mut self, group: &str) -> Option<Worker> {
        let candidates: Vec<SlotCandidate> = self
            .workers
            .iter()
            .filter(|(_, slots)| slots.group == group && slots.free() > 0)
            .map(|(incarnation, slots)| SlotCandidate {
                worker: *incarnation,
                free: slots.free(),
                total: slots.total,
            })
            .collect();
        let incarnation = self.selection.select_worker(&candidates, self.turn)?;
        self.turn = self.turn.wrapping_add(1);
        let slots = self.workers.get_mut(&incarnation)?;
        slots.in_flight += 1;
        Some(Worker {
            incarnation,
            name: slots.name.clone(),
        })
    }

    fn wait_reason(&self, group: &str) -> String {
        let workers: Vec<&WorkerSlots> = self
            .workers
            .values()
            .filter(|slots| slots.group == group)
            .collect();
        if workers.is_empty() {
            return format!("no worker in group `{group}`");
        }
        if workers.iter().all(|slots| !slots.contact.is_reachable()) {
            let names: Vec<&str> = workers.iter().map(|slots| slots.name.as_str()).collect();
            return format!(
                "no worker in group `{group}` can be reached: {}",
                names.join(", ")
            );
        }
        let refusal = workers
            .iter()
            .find_map(|slots| Some((&slots.name, slots.refusal.as_ref()?)));
        if let Some((name, reason)) = refusal {
            return format!("no slot of group `{group}` is free; worker {name} says: {reason}");
        }
        let total: u32 = workers.iter().map(|slots| slots.total).sum();
        format!("all {total} slots of group `{group}` are taken")
    }
}
