//! The slot table that the actors of one master share, with the guards of slots in use.
//!
//! Dropping a `SlotGuard`, for whatever reason and in whatever message it travels, gives its slot to the first request
//! that waits. So no slot can leak, and no released slot stays unnoticed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId, TaskIndex};
use engine::task::Worker;
use parking_lot::{Mutex, MutexGuard};

use crate::execution::reachability::Reachability;
use crate::execution::slot_queue::{ProjectWeights, SlotRequest};
use crate::execution::slot_table::SlotTable;
use crate::execution::worker_selection::WorkerSelection;

/// A task whose request waited has a slot now. If it is lost, the guard in it releases the slot.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SlotGranted {
    /// The task.
    pub task_index: TaskIndex,
    /// The slot.
    pub slot: SlotGuard,
}

/// The answer to a request for a slot.
#[derive(Debug)]
pub enum SlotReply {
    /// A slot.
    Granted(SlotGuard),
    /// None now, for this readable reason; `SlotGranted` follows when there is one.
    Wait(String),
}

/// A slot in use. Dropping it releases the slot.
pub struct SlotGuard {
    worker: Worker,
    slots: Slots,
}

impl SlotGuard {
    /// Returns the worker that the slot belongs to.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }
}

impl fmt::Debug for SlotGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotGuard({})", self.worker.incarnation)
    }
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        self.slots.release(self.worker.incarnation);
    }
}

#[derive(Default)]
struct SharedTable {
    table: SlotTable,
    /// The actors that grants of an instance go to.
    actors: BTreeMap<InstanceId, Recipient<SlotGranted>>,
}

/// The slot table of one master. Clones share it.
#[derive(Clone, Default)]
pub struct Slots {
    shared: Arc<Mutex<SharedTable>>,
}

impl Slots {
    /// Makes an empty table that selects workers in this way.
    pub fn with_selection(selection: WorkerSelection) -> Self {
        let shared = SharedTable {
            table: SlotTable::new(selection),
            actors: BTreeMap::new(),
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Adds a worker with its slots.
    pub fn add_worker(&self, worker: &Worker, group: &str, total: u32) {
        let mut shared = self.shared.lock();
        shared.table.add_worker(worker, group, total);
        self.grant_waiting(shared, group);
    }

    /// Removes a worker; its guards stay valid and free nothing.
    pub fn remove_worker(&self, worker: Incarnation) {
        self.shared.lock().table.remove_worker(worker);
    }

    /// Records the slots that a worker reported free beyond what is in flight there.
    pub fn report_free(&self, worker: Incarnation, free: u32) {
        self.record_answer(worker, 0, free, None);
    }

    /// Records the answer of a worker to a batch of attempts: how many it refused and why, and how many slots are free
    /// beyond the accepted ones.
    pub fn record_answer(&self, worker: Incarnation, refused: u32, free: u32, refusal: Option<String>) {
        let mut shared = self.shared.lock();
        shared.table.record_refusal(worker, refusal);
        if let Some(group) = shared.table.record_answer(worker, refused, free) {
            self.grant_waiting(shared, &group);
        }
    }

    /// Records that a worker answered.
    pub fn mark_reachable(&self, worker: Incarnation) {
        let mut shared = self.shared.lock();
        if let Some(group) = shared.table.mark_reachable(worker) {
            self.grant_waiting(shared, &group);
        }
    }

    /// Records that a worker did not answer: it gets nothing new.
    pub fn mark_unreachable(&self, worker: Incarnation) {
        self.shared.lock().table.mark_unreachable(worker, Instant::now());
    }

    /// Returns which workers answer, and which have not for at least `timeout`.
    pub fn reachability(&self, timeout: Duration) -> Reachability {
        self.shared.lock().table.reachability(timeout)
    }

    /// Registers the actor that grants of an instance go to.
    pub fn register(&self, instance: InstanceId, actor: Recipient<SlotGranted>) {
        self.shared.lock().actors.insert(instance, actor);
    }

    /// Removes the actor of an instance, with everything that the instance waits for.
    pub fn unregister(&self, instance: InstanceId) {
        let mut shared = self.shared.lock();
        shared.actors.remove(&instance);
        shared.table.cancel_all(instance);
    }

    /// Sets the weights by which projects take turns; projects that are not named have weight 1.
    pub(crate) fn set_weights(&self, weights: ProjectWeights) {
        self.shared.lock().table.set_weights(weights);
    }

    /// Requests a slot for a task of a project; never passes a waiting request that comes first.
    pub fn request(&self, group: &str, project: &Arc<str>, request: SlotRequest) -> SlotReply {
        let answer = self.shared.lock().table.request(group, project, request);
        match answer {
            Ok(worker) => SlotReply::Granted(self.guard(worker)),
            Err(reason) => SlotReply::Wait(reason),
        }
    }

    /// Counts an attempt that already is at a worker (after a take-over), even past what the worker allows.
    pub fn reserve(&self, worker: &Worker) -> SlotGuard {
        self.shared.lock().table.reserve(worker.incarnation);
        self.guard(worker.clone())
    }

    /// Withdraws the waiting request of a task.
    pub fn cancel(&self, instance: InstanceId, task_index: TaskIndex) {
        self.shared.lock().table.cancel(instance, task_index);
    }

    /// Returns a snapshot for the debug route.
    pub fn observe(&self) -> serde_json::Value {
        self.shared.lock().table.observe()
    }

    fn release(&self, worker: Incarnation) {
        let mut shared = self.shared.lock();
        if let Some(group) = shared.table.release(worker) {
            self.grant_waiting(shared, &group);
        }
    }

    fn guard(&self, worker: Worker) -> SlotGuard {
        SlotGuard {
            worker,
            slots: self.clone(),
        }
    }

    /// Gives free slots of a group to the requests that wait, in their order. Sends only after the lock is gone, because
    /// a message that cannot be delivered drops its guard, which needs the lock.
    fn grant_waiting(&self, mut shared: MutexGuard<'_, SharedTable>, group: &str) {
        let mut grants = Vec::new();
        while let Some((request, worker)) = shared.table.grant_next(group) {
            let granted = SlotGranted {
                task_index: request.task_index,
                slot: self.guard(worker),
            };
            grants.push((shared.actors.get(&request.instance).cloned(), granted));
        }
        drop(shared);
        for (actor, granted) in grants {
            if let Some(actor) = actor {
                actor.do_send(granted);
            }
        }
    }
}

#[cfg(test)]
mod tests;
