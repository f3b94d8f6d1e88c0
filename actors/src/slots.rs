//! The slots of workers as this master may use them: who got one, who waits, who is next.
//!
//! A slot in use is a `Lease`; dropping it, for whatever reason and in whatever message it travels, gives the
//! slot to the first that waits. So no slot can leak, and no freed slot goes unnoticed.

mod choice;
mod hearing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId, TaskIndex, Timestamp};
use engine::states::Priority;
use engine::task::Worker;

pub use choice::Choice;
pub use hearing::Heard;

use hearing::Hearing;

/// A wish for a slot; wishes of one group are granted in the order of their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
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

/// Tells a workflow actor that a task which waited has a slot now. If it is lost, the lease gives the slot back.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SlotGranted {
    /// The task.
    pub task_index: TaskIndex,
    /// The slot.
    pub lease: Lease,
}

/// The answer to a wish.
#[derive(Debug)]
pub enum Answer {
    /// A slot.
    Granted(Lease),
    /// None now, with the reason in words; `SlotGranted` follows when there is one.
    Wait(String),
}

/// A slot in use. Dropping it frees the slot.
pub struct Lease {
    worker: Worker,
    slots: Slots,
}

impl Lease {
    /// Returns the worker life that the slot belongs to.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.worker.incarnation)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.slots.release(self.worker.incarnation);
    }
}

/// A worker life as this master sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Life {
    name: String,
    group: String,
    /// Its slots.
    total: u32,
    /// Attempts of ours that it may hold at once, as it told us last.
    allowed: u32,
    in_flight: u32,
    hearing: Hearing,
}

impl Life {
    fn is_heard(&self) -> bool {
        !matches!(self.hearing, Hearing::SilentSince(_))
    }

    fn free(&self) -> u32 {
        if self.is_heard() {
            self.allowed.saturating_sub(self.in_flight)
        } else {
            0
        }
    }
}

#[derive(Default)]
struct Table {
    choice: Choice,
    /// How many slots were taken; what random choices are made from.
    turn: u64,
    lives: BTreeMap<Incarnation, Life>,
    waiting: BTreeMap<String, BTreeSet<Wish>>,
    /// Where the wish of a waiting task stands: an instance may have ten thousand of them.
    places: BTreeMap<(InstanceId, TaskIndex), (String, Wish)>,
    actors: BTreeMap<InstanceId, Recipient<SlotGranted>>,
    /// What a worker said when it last took nothing.
    refusals: BTreeMap<Incarnation, String>,
}

/// The table of slots; cheap to clone, shared by the actors of one master.
#[derive(Clone, Default)]
pub struct Slots {
    table: Arc<Mutex<Table>>,
}

impl Slots {
    /// Makes a table that chooses workers in this way.
    pub fn choosing(choice: Choice) -> Self {
        let slots = Self::default();
        slots.lock().choice = choice;
        slots
    }

    /// Adds a worker life with so many slots.
    pub fn worker(&self, worker: &Worker, group: &str, total: u32) {
        let mut table = self.lock();
        let in_flight = table
            .lives
            .get(&worker.incarnation)
            .map_or(0, |life| life.in_flight);
        let life = Life {
            name: worker.name.clone(),
            group: group.to_owned(),
            total,
            allowed: total,
            in_flight,
            hearing: Hearing::New,
        };
        table.lives.insert(worker.incarnation, life);
        self.grant(table, group);
    }

    /// Takes over what a worker said is free beyond what is in flight there.
    pub fn free(&self, worker: Incarnation, free: u32) {
        self.refused(worker, None);
        self.answered(worker, 0, free);
    }

    /// Takes over what a worker said when it refused some of what is in flight: those slots are none.
    ///
    /// Without a refusal an answer only raises what is allowed: it may be older than what came free since, and
    /// an estimate that is too high costs one refusal, one that is too low would leave slots idle.
    pub fn answered(&self, worker: Incarnation, refused: u32, free: u32) {
        let mut table = self.lock();
        let Some(life) = table.lives.get_mut(&worker) else {
            return;
        };
        let told = life.in_flight.saturating_sub(refused).saturating_add(free);
        let lowest = if refused > 0 { 0 } else { life.allowed };
        life.allowed = told.max(lowest).min(life.total);
        let group = life.group.clone();
        self.grant(table, &group);
    }

    /// Takes note of why a worker takes nothing, for those who wait; none when it takes something.
    pub fn refused(&self, worker: Incarnation, why: Option<String>) {
        let mut table = self.lock();
        match why {
            Some(why) => table.refusals.insert(worker, why),
            None => table.refusals.remove(&worker),
        };
    }

    /// Whether a task waits although a worker of its group lives.
    #[cfg(test)]
    fn is_starving(&self) -> bool {
        let table = self.lock();
        table
            .lives
            .values()
            .any(|life| table.first_waiting(&life.group).is_some())
    }

    /// Forgets a worker life; its leases stay valid and free nothing.
    pub fn worker_gone(&self, worker: Incarnation) {
        let mut table = self.lock();
        table.lives.remove(&worker);
        table.refusals.remove(&worker);
    }

    /// Registers the actor that grants for an instance go to.
    pub fn register(&self, instance: InstanceId, actor: Recipient<SlotGranted>) {
        self.lock().actors.insert(instance, actor);
    }

    /// Forgets an instance and everything that it waits for.
    pub fn unregister(&self, instance: InstanceId) {
        let mut table = self.lock();
        table.actors.remove(&instance);
        let first = (instance, TaskIndex(0));
        let last = (instance, TaskIndex(u32::MAX));
        let tasks: Vec<_> = table.places.range(first..=last).map(|(task, _)| *task).collect();
        tasks.into_iter().for_each(|task| table.remove(task));
    }

    /// Asks for a slot; never goes past a waiting wish that comes first.
    pub fn ask(&self, group: &str, wish: Wish) -> Answer {
        let mut table = self.lock();
        table.remove((wish.instance, wish.task_index));
        let first = table.first_waiting(group).is_none_or(|other| wish < other);
        if first && let Some(worker) = table.take(group) {
            return Answer::Granted(Lease {
                worker,
                slots: self.clone(),
            });
        }
        table.insert(group, wish);
        Answer::Wait(table.why_none(group))
    }

    /// Counts an attempt that already is at a worker (after a take-over), even past what it allows.
    pub fn occupy(&self, worker: &Worker) -> Lease {
        if let Some(life) = self.lock().lives.get_mut(&worker.incarnation) {
            life.in_flight += 1;
        }
        Lease {
            worker: worker.clone(),
            slots: self.clone(),
        }
    }

    /// Takes back a wish.
    pub fn forget(&self, instance: InstanceId, task_index: TaskIndex) {
        self.lock().remove((instance, task_index));
    }

    /// Returns a picture of the table.
    pub fn observe(&self) -> serde_json::Value {
        let table = self.lock();
        let lives: Vec<_> = table
            .lives
            .iter()
            .map(|(id, life)| {
                serde_json::json!({"worker": life.name, "incarnation": id, "group": life.group,
                    "allowed": life.allowed, "in_flight": life.in_flight})
            })
            .collect();
        let waiting: BTreeMap<_, _> = table
            .waiting
            .iter()
            .map(|(group, all)| (group, all.len()))
            .collect();
        serde_json::json!({"workers": lives, "waiting": waiting})
    }

    fn release(&self, worker: Incarnation) {
        let mut table = self.lock();
        let Some(life) = table.lives.get_mut(&worker) else {
            return;
        };
        life.in_flight = life.in_flight.saturating_sub(1);
        let group = life.group.clone();
        self.grant(table, &group);
    }

    /// Gives free slots of a group to those that wait, first come first. Sends only after the lock is gone,
    /// because a message that cannot be delivered drops its lease, which needs the lock.
    fn grant(&self, mut table: MutexGuard<'_, Table>, group: &str) {
        let mut grants = Vec::new();
        while let Some(wish) = table.first_waiting(group) {
            let Some(worker) = table.take(group) else { break };
            table.remove((wish.instance, wish.task_index));
            let lease = Lease {
                worker,
                slots: self.clone(),
            };
            grants.push((
                table.actors.get(&wish.instance).cloned(),
                SlotGranted {
                    task_index: wish.task_index,
                    lease,
                },
            ));
        }
        drop(table);
        for (actor, granted) in grants {
            if let Some(actor) = actor {
                actor.do_send(granted);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // A panic elsewhere leaves the table whole: every change of it is a single insert, remove or addition.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, group: &str, wish: Wish) {
        self.waiting.entry(group.to_owned()).or_default().insert(wish);
        self.places
            .insert((wish.instance, wish.task_index), (group.to_owned(), wish));
    }

    fn remove(&mut self, task: (InstanceId, TaskIndex)) {
        let Some((group, wish)) = self.places.remove(&task) else {
            return;
        };
        if let Some(wishes) = self.waiting.get_mut(&group) {
            wishes.remove(&wish);
        }
    }

    fn first_waiting(&self, group: &str) -> Option<Wish> {
        self.waiting.get(group).and_then(|wishes| wishes.first().copied())
    }

    /// Takes a slot of one of the workers that have free ones.
    fn take(&mut self, group: &str) -> Option<Worker> {
        let candidates: Vec<_> = self
            .lives
            .iter()
            .filter(|(_, life)| life.group == group && life.free() > 0)
            .map(|(incarnation, life)| (*incarnation, life.free(), life.total))
            .collect();
        let incarnation = self.choice.pick(&candidates, self.turn)?;
        self.turn = self.turn.wrapping_add(1);
        let life = self.lives.get_mut(&incarnation)?;
        life.in_flight += 1;
        Some(Worker {
            incarnation,
            name: life.name.clone(),
        })
    }

    fn why_none(&self, group: &str) -> String {
        let lives: Vec<&Life> = self.lives.values().filter(|life| life.group == group).collect();
        if lives.is_empty() {
            return format!("no worker in group `{group}`");
        }
        if lives.iter().all(|life| !life.is_heard()) {
            let names: Vec<&str> = lives.iter().map(|life| life.name.as_str()).collect();
            return format!(
                "no worker in group `{group}` can be reached: {}",
                names.join(", ")
            );
        }
        let members = self.lives.iter().filter(|(_, life)| life.group == group);
        let said = members
            .filter_map(|(worker, life)| Some((&life.name, self.refusals.get(worker)?)))
            .next();
        if let Some((name, why)) = said {
            return format!("no slot of group `{group}` is free; worker {name} says: {why}");
        }
        let slots: u32 = lives.iter().map(|life| life.total).sum();
        format!("all {slots} slots of group `{group}` are taken")
    }
}

#[cfg(test)]
mod tests;
