//! What waits for the next commit of an instance, with the commit that is decided from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use engine::attempt::AttemptEvent;
use engine::ids::{InstanceId, OperationId, TaskIndex, Timestamp};
use engine::instance::{Changes, Effect, Event, Operation, SlotDemand, StepBatch};
use engine::place::PlaceOutlook;
use engine::task::TaskReport;
use tokio::sync::oneshot;

use crate::execution::inbox_reader::QueuedResults;
use crate::execution::running_instance::RunningInstance;
use crate::execution::slot_table::SlotRequest;
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
    /// Commands that were queued, so that each is queued once.
    seen_commands: BTreeSet<OperationId>,
}

/// When a commit is decided, and what is known of places then.
pub(crate) struct DecisionMoment {
    /// The time.
    pub(crate) reading: ClockReading,
    /// Whether the next run has a place.
    pub(crate) places: PlaceOutlook,
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
        self.items.is_empty()
    }

    /// Returns the number of things that wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Drops everything that waits.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
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
        DecisionMoment { reading, places }: DecisionMoment,
    ) -> DecidedCommit {
        let mut round = StepBatch::new(&instance.plan, &instance.state, reading.now).with_places(places);
        let (mut replies, mut granted) = (Vec::new(), Vec::new());
        for item in self.items.drain(..) {
            match item {
                QueuedItem::Event(event) => round.step(event),
                QueuedItem::Reply(reply) => replies.push(reply),
                QueuedItem::Granted(SlotGranted { task_index, slot }) => {
                    round.step(granted_event(task_index, &slot));
                    guards.insert(task_index, slot);
                    granted.push(task_index);
                }
            }
        }
        for wanted in round.slot_demands() {
            let task_index = wanted.task_index;
            match slots.request(&wanted.group, slot_request(instance.state.rows.id, &wanted)) {
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
        let (changes, effects) = round.finish();
        DecidedCommit {
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
