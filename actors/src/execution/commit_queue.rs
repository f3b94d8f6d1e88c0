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
use ports::{InboxCommand, RelayedResult};

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
    /// Slots of tasks that need room in limits. They are bound in commits of their own: one that is refused for lack of
    /// room loses nothing else.
    bindings: BTreeMap<TaskIndex, SlotGuard>,
    /// Those of them that had room in a commit that was refused for others: they are bound next, without new ones.
    with_room: BTreeMap<TaskIndex, SlotGuard>,
    /// Whether the last commit bound such tasks; then other items are next.
    has_bound: bool,
    /// Commands that were queued, so that each is queued once.
    seen_commands: BTreeSet<OperationId>,
}

/// When a commit is decided, and what is known of places then.
pub(crate) struct DecisionMoment {
    /// The time.
    pub(crate) reading: ClockReading,
    /// Whether the next run has a place.
    pub(crate) places: PlaceOutlook,
    /// Whether the attempts of the project are counted.
    pub(crate) cap: ProjectCap,
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
}

impl CommitQueue {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && !self.has_bindings()
    }

    /// Returns the number of things that wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len() + self.bindings.len() + self.with_room.len()
    }

    /// Drops everything that waits.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.bindings.clear();
        self.with_room.clear();
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

    /// Lets a task, which had room in a commit that was refused for others, be bound by the next commit.
    pub(crate) fn push_binding(&mut self, task_index: TaskIndex, slot: SlotGuard) {
        self.with_room.insert(task_index, slot);
    }

    fn has_bindings(&self) -> bool {
        !self.bindings.is_empty() || !self.with_room.is_empty()
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

    /// Decides everything that waits, or binds tasks with limits to workers.
    pub(crate) fn decide(
        &mut self,
        instance: &RunningInstance,
        slots: &Slots,
        guards: &mut HeldSlots,
        DecisionMoment { reading, places, cap }: DecisionMoment,
    ) -> DecidedCommit {
        let round = StepBatch::new(&instance.plan, &instance.state, reading.now)
            .with_places(places)
            .with_project_cap(cap);
        self.has_bound = self.has_bindings() && (self.items.is_empty() || !self.has_bound);
        if self.has_bound {
            return self.decide_bindings(round, guards, reading);
        }
        self.decide_items(round, (instance, slots), guards, reading)
    }

    /// Binds the tasks with limits that have a slot of a worker.
    fn decide_bindings(
        &mut self,
        mut round: StepBatch<'_>,
        guards: &mut HeldSlots,
        reading: ClockReading,
    ) -> DecidedCommit {
        let mut granted = Vec::new();
        let bindings = if self.with_room.is_empty() {
            &mut self.bindings
        } else {
            &mut self.with_room
        };
        for (task_index, slot) in std::mem::take(bindings) {
            round.step(granted_event(task_index, &slot));
            guards.insert(task_index, slot);
            granted.push(task_index);
        }
        DecidedCommit::new(round, reading, granted, Vec::new())
    }

    fn decide_items(
        &mut self,
        mut round: StepBatch<'_>,
        (instance, slots): (&RunningInstance, &Slots),
        guards: &mut HeldSlots,
        reading: ClockReading,
    ) -> DecidedCommit {
        let (mut replies, mut granted) = (Vec::new(), Vec::new());
        for item in self.items.drain(..) {
            match item {
                QueuedItem::Event(event) => round.step(event),
                QueuedItem::Reply(reply) => replies.push(reply),
                QueuedItem::Granted(SlotGranted { task_index, slot }) if round.has_limits(task_index) => {
                    self.bindings.insert(task_index, slot);
                }
                QueuedItem::Granted(SlotGranted { task_index, slot }) => {
                    round.step(granted_event(task_index, &slot));
                    guards.insert(task_index, slot);
                    granted.push(task_index);
                }
            }
        }
        for wanted in round.slot_demands() {
            let task_index = wanted.task_index;
            if self.bindings.contains_key(&task_index) || self.with_room.contains_key(&task_index) {
                continue;
            }
            let request = slot_request(instance.state.rows.id, &wanted);
            match slots.request(&wanted.group, instance.project(), request) {
                SlotReply::Granted(slot) if round.has_limits(task_index) => {
                    self.bindings.insert(task_index, slot);
                }
                SlotReply::Granted(slot) => {
                    round.step(granted_event(task_index, &slot));
                    guards.insert(task_index, slot);
                    granted.push(task_index);
                }
                SlotReply::Wait(reason) => {
                    round.step(Event::Report(TaskReport::NoSlot { task_index, reason }))
                }
            }
        }
        DecidedCommit::new(round, reading, granted, replies)
    }
}

impl DecidedCommit {
    fn new(
        round: StepBatch<'_>,
        reading: ClockReading,
        granted: Vec<TaskIndex>,
        replies: Vec<oneshot::Sender<DeliveryOutcome>>,
    ) -> Self {
        let (changes, effects) = round.finish();
        Self {
            at: reading.now,
            stepped_ms: reading.stepped_ms,
            changes,
            effects,
            granted,
            replies,
        }
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
