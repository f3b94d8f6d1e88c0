//! What waits for the next commit of an instance, with the commit that is decided from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use engine::attempt::AttemptEvent;
use engine::ids::{InstanceId, OperationId, TaskIndex, Timestamp};
use engine::instance::{Changes, Effect, Event, Operation, SlotDemand, StepBatch};
use engine::limits::ProjectCap;
use engine::place::PlaceOutlook;
use engine::task::TaskReport;
use tokio::sync::oneshot;

use crate::execution::inbox_reader::QueuedResults;
use crate::execution::running_instance::RunningInstance;
use crate::execution::slot_queue::SlotRequest;
use crate::execution::slots::{SlotGranted, SlotGuard, SlotReply, Slots};
use crate::messages::workflow::DeliveryOutcome;
use ports::clock::ClockReading;
use ports::{InboxCommand, RelayedResult, RoomRefusal};

/// One thing that waits for the next commit.
enum QueuedItem {
    Event(Event),
    Granted(SlotGranted),
    Reply(oneshot::Sender<DeliveryOutcome>),
}

/// Events, granted slots and replies that wait for the next commit.
#[derive(Default)]
pub(crate) struct CommitQueue {
    items: VecDeque<QueuedItem>,
    /// The commit that is to be decided again, because limits had no room for some of its tasks.
    refused: Option<RefusedCommit>,
    /// Slots of workers that tasks with limits got while that commit was decided again: the next one binds them.
    deferred: BTreeMap<TaskIndex, SlotGuard>,
    /// Commands that were queued, so that each is queued once.
    seen_commands: BTreeSet<OperationId>,
}

/// What is left of a commit that was refused for lack of room.
#[derive(Default)]
struct RefusedCommit {
    /// Tasks that had room: they are bound next, without new ones, so that the next commit is not refused as well.
    with_room: BTreeMap<TaskIndex, SlotGuard>,
    /// Tasks that had none, and wait for it.
    without_room: BTreeSet<TaskIndex>,
}

/// When a commit is decided, and what is known of places then.
pub(crate) struct DecisionMoment {
    /// The time.
    pub(crate) reading: ClockReading,
    /// Whether the next run has a place.
    pub(crate) places: PlaceOutlook,
    /// Whether the attempts of the project are counted.
    pub(crate) cap: ProjectCap,
    /// Whether limits may refuse the commit.
    pub(crate) risk: RefusalRisk,
}

/// Whether a commit may be refused for lack of room in limits, so that its events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalRisk {
    /// None of its tasks has limits.
    None,
    /// It may bind a task with limits.
    Limits,
}

/// A decided commit on its way to the store.
pub(crate) struct DecidedCommit {
    /// When it was decided.
    pub(crate) at: Timestamp,
    /// The steps of this machine's clock that its due times follow.
    pub(crate) stepped_ms: i64,
    /// What changes.
    pub(crate) changes: Changes,
    /// What to do after the commit.
    pub(crate) effects: Vec<Effect>,
    /// Tasks that were granted a slot in it.
    pub(crate) granted: Vec<TaskIndex>,
    /// The senders that wait for it.
    pub(crate) replies: Vec<oneshot::Sender<DeliveryOutcome>>,
    /// The events that it was decided from, where limits may refuse it.
    events: Vec<Event>,
}

impl RefusalRisk {
    /// Returns what is kept of an event, so that it can be decided again. Steps of the clock are read again.
    fn copy_of(self, event: &Event) -> Option<Event> {
        let is_kept = self == Self::Limits && !matches!(event, Event::ClockStepped { .. });
        is_kept.then(|| event.clone())
    }
}

impl CommitQueue {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.refused.is_none() && self.deferred.is_empty()
    }

    /// Returns the number of things that wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len() + self.deferred.len()
    }

    /// Drops everything that waits.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.refused = None;
        self.deferred.clear();
    }

    /// Appends events.
    pub(crate) fn push_events(&mut self, events: impl IntoIterator<Item = Event>) {
        self.items.extend(events.into_iter().map(QueuedItem::Event));
    }

    /// Puts an event before everything that waits.
    pub(crate) fn push_first(&mut self, event: Event) {
        self.items.push_front(QueuedItem::Event(event));
    }

    /// Appends a granted slot.
    pub(crate) fn push_granted(&mut self, granted: SlotGranted) {
        self.items.push_back(QueuedItem::Granted(granted));
    }

    /// Queues a commit again that limits had no room for: its events, which are lost with it, before everything that came
    /// since. The tasks that had room keep their slots of workers, the others wait.
    pub(crate) fn requeue(
        &mut self,
        commit: &mut DecidedCommit,
        slots: &mut HeldSlots,
        refusals: Vec<RoomRefusal>,
    ) {
        let mut refused = RefusedCommit::default();
        let mut items: VecDeque<QueuedItem> = std::mem::take(&mut commit.events)
            .into_iter()
            .map(QueuedItem::Event)
            .collect();
        for RoomRefusal { task_index, reason } in refusals {
            slots.release(&[task_index]);
            refused.without_room.insert(task_index);
            let report = TaskReport::NoRoom { task_index, reason };
            items.push_back(QueuedItem::Event(Event::Report(report)));
        }
        for task_index in &commit.granted {
            refused
                .with_room
                .extend(slots.take(*task_index).map(|slot| (*task_index, slot)));
        }
        items.extend(commit.replies.drain(..).map(QueuedItem::Reply));
        items.append(&mut self.items);
        self.items = items;
        self.refused = Some(refused);
    }

    /// Appends a reply, which is sent when everything before it is stored.
    pub(crate) fn push_reply(&mut self, reply: oneshot::Sender<DeliveryOutcome>) {
        self.items.push_back(QueuedItem::Reply(reply));
    }

    /// Appends results that workers gave to other masters, with a reply; none without results.
    pub(crate) fn push_results(&mut self, results: Vec<RelayedResult>) -> Option<QueuedResults> {
        if results.is_empty() {
            return None;
        }
        let uids = results.iter().map(|result| result.uid).collect();
        self.push_events(results.into_iter().map(|result| {
            Event::Report(TaskReport::Attempt {
                uid: result.uid,
                event: AttemptEvent::Ended(result.end),
            })
        }));
        let (reply, decided) = oneshot::channel();
        self.push_reply(reply);
        Some(QueuedResults { uids, decided })
    }

    /// Appends commands, each once.
    pub(crate) fn push_commands(&mut self, commands: Vec<InboxCommand>, instance: &RunningInstance) {
        for found in commands {
            if !self.seen_commands.insert(found.operation) {
                continue;
            }
            let task = found
                .task
                .as_deref()
                .and_then(|name| instance.plan.definition.task_index_of(name));
            self.items.push_back(QueuedItem::Event(Event::Command(Operation {
                id: found.operation,
                command: found.command,
                run: found.run,
                task,
                requested_by: found.requested_by,
                arguments: found.arguments,
            })));
        }
    }

    /// Lets commands be queued again, after their events were dropped.
    pub(crate) fn forget_commands(&mut self) {
        self.seen_commands.clear();
    }

    /// Decides everything that waits.
    pub(crate) fn decide(
        &mut self,
        instance: &RunningInstance,
        slots: &Slots,
        guards: &mut HeldSlots,
        moment: DecisionMoment,
    ) -> DecidedCommit {
        let reading = moment.reading;
        let mut round = StepBatch::new(&instance.plan, &instance.state, reading.now)
            .with_places(moment.places)
            .with_project_cap(moment.cap);
        let (mut replies, mut events) = (Vec::new(), Vec::new());
        let refused = self.refused.take();
        let mut bound = match &refused {
            Some(_) => BTreeMap::new(),
            None => std::mem::take(&mut self.deferred),
        };
        for item in self.items.drain(..) {
            match item {
                QueuedItem::Event(event) => {
                    events.extend(moment.risk.copy_of(&event));
                    round.step(event);
                }
                QueuedItem::Reply(reply) => replies.push(reply),
                QueuedItem::Granted(SlotGranted { task_index, slot }) => {
                    bound.insert(task_index, slot);
                }
            }
        }
        self.request_slots(&mut round, (instance, slots), refused.as_ref(), &mut bound);
        if let Some(refused) = refused {
            let (with_limits, without): (BTreeMap<_, _>, BTreeMap<_, _>) = bound
                .into_iter()
                .partition(|(task_index, _)| round.has_limits(*task_index));
            self.deferred.extend(with_limits);
            bound = without;
            bound.extend(refused.with_room);
        }
        let granted = bound.keys().copied().collect();
        for (task_index, slot) in bound {
            round.step(granted_event(task_index, &slot));
            guards.insert(task_index, slot);
        }
        let (changes, effects) = round.finish();
        DecidedCommit {
            at: reading.now,
            stepped_ms: reading.stepped_ms,
            changes,
            effects,
            granted,
            replies,
            events,
        }
    }

    /// Requests the slots of workers that tasks need, for all that do not have one yet.
    fn request_slots(
        &self,
        round: &mut StepBatch<'_>,
        (instance, slots): (&RunningInstance, &Slots),
        refused: Option<&RefusedCommit>,
        bound: &mut BTreeMap<TaskIndex, SlotGuard>,
    ) {
        for wanted in round.slot_demands() {
            let task_index = wanted.task_index;
            let has_slot = bound.contains_key(&task_index) || self.deferred.contains_key(&task_index);
            if has_slot || refused.is_some_and(|refused| refused.concerns(task_index)) {
                continue;
            }
            let request = slot_request(instance.state.rows.id, &wanted);
            match slots.request(&wanted.group, instance.project(), request) {
                SlotReply::Granted(slot) => {
                    bound.insert(task_index, slot);
                }
                SlotReply::Wait(reason) => {
                    round.step(Event::Report(TaskReport::NoSlot { task_index, reason }))
                }
            }
        }
    }
}

impl RefusedCommit {
    /// Whether a task has a slot already, or has to wait for room.
    fn concerns(&self, task_index: TaskIndex) -> bool {
        self.with_room.contains_key(&task_index) || self.without_room.contains(&task_index)
    }
}

/// The slots that an instance holds, by task.
#[derive(Debug, Default)]
pub(crate) struct HeldSlots {
    guards: BTreeMap<TaskIndex, SlotGuard>,
}

impl HeldSlots {
    /// Returns the number of slots.
    pub(crate) fn len(&self) -> usize {
        self.guards.len()
    }

    /// Holds a slot for a task.
    pub(crate) fn insert(&mut self, task_index: TaskIndex, slot: SlotGuard) {
        self.guards.insert(task_index, slot);
    }

    /// Takes the slot of a task out.
    pub(crate) fn take(&mut self, task_index: TaskIndex) -> Option<SlotGuard> {
        self.guards.remove(&task_index)
    }

    /// Releases the slots of tasks.
    pub(crate) fn release(&mut self, task_indices: &[TaskIndex]) {
        for task_index in task_indices {
            self.guards.remove(task_index);
        }
    }

    /// After a commit is applied, keeps the slots of attempts that are at a worker, and releases those of the other tasks
    /// that it changed.
    pub(crate) fn release_unbound(&mut self, commit: &DecidedCommit, instance: &RunningInstance) {
        for task_index in commit.changes.tasks.keys().chain(&commit.granted) {
            if !instance.is_bound(*task_index) {
                self.guards.remove(task_index);
            }
        }
    }
}

fn granted_event(task_index: TaskIndex, slot: &SlotGuard) -> Event {
    Event::Report(TaskReport::SlotGranted {
        task_index,
        worker: slot.worker().clone(),
    })
}

fn slot_request(instance: InstanceId, wanted: &SlotDemand) -> SlotRequest {
    SlotRequest {
        instance_priority: wanted.instance_priority,
        task_priority: wanted.task_priority,
        ready_at: wanted.ready_at,
        instance,
        task_index: wanted.task_index,
    }
}

#[cfg(test)]
mod tests;
