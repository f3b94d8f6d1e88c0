//! One round: any number of events decided on a borrowed instance, as a copy-on-write overlay.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::counters::{Counters, Tally};
use super::verbs::Operation;
use super::{Decided, Effect, Event, Header, Instance, Reset, Transition};
use crate::ids::{Millis, Ordinal, Run, Uid};
use crate::plan::Plan;
use crate::states::{FailureStrategy, InstanceState, KillCause, Priority, TaskState};
use crate::task::{self, Ask, Attempt, Mode, Policy, Task, TaskEvent};

/// A task that waits for a slot, as the slot table wants to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSlot {
    /// The task.
    pub ordinal: Ordinal,
    /// Whose slots.
    pub group: String,
    /// How urgent its instance is.
    pub instance_priority: Priority,
    /// How urgent it is within its instance.
    pub task_priority: Priority,
    /// Since when it could run.
    pub ready_at: Millis,
}

/// Events being decided together; costs only what they touch.
pub struct Round<'a> {
    pub(super) plan: &'a Plan,
    /// As it was when the round began.
    pub(super) stored: &'a Instance,
    /// `stored`, after the reset of this round if there is one.
    pub(super) base: Cow<'a, Instance>,
    pub(super) at: Millis,
    pub(super) header: Header,
    /// Rows that this round touched.
    pub(super) rows: BTreeMap<Ordinal, Task>,
    /// Counts of open predecessors that this round changed.
    pub(super) open_preds: BTreeMap<Ordinal, u32>,
    pub(super) tally: Tally,
    pub(super) reset: Option<Reset>,
    pub(super) closed: Vec<(Ordinal, Attempt)>,
    pub(super) decided: Vec<Decided>,
    pub(super) history: History,
    pub(super) asked: Asked,
}

/// What the transitions of a round are made of.
#[derive(Default)]
pub(super) struct History {
    /// Transitions told before a reset of the same round.
    pub(super) told: Vec<Transition>,
    /// What a reset of this round takes back, told after the instance's own step.
    pub(super) taken_back: Vec<Transition>,
    /// The states that `told` ends with.
    pub(super) told_state: Option<(InstanceState, Run)>,
    pub(super) told_tasks: BTreeMap<Ordinal, TaskState>,
    /// Why the instance changed.
    pub(super) whys: Vec<String>,
    /// Why each task changed.
    pub(super) task_whys: BTreeMap<Ordinal, String>,
    /// Tasks with something to tell although their state stays.
    pub(super) noted: BTreeSet<Ordinal>,
    /// The instance has something to tell although its state stays.
    pub(super) noted_self: bool,
}

/// What the events of a round ask of the outside; what does not hold any more at its end is left out.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) slots: BTreeSet<Ordinal>,
    pub(super) unwanted: BTreeSet<Ordinal>,
    pub(super) in_owner: BTreeSet<Ordinal>,
    pub(super) kills: BTreeSet<Ordinal>,
    pub(super) said: Vec<Effect>,
    /// The next due time is to be told even if it is the same as before.
    pub(super) wake: bool,
    /// Everything owed is to be told, because nothing of it was before.
    pub(super) everything: bool,
}

impl<'a> Round<'a> {
    /// Begins a round at a time.
    pub fn new(plan: &'a Plan, instance: &'a Instance, at: Millis) -> Self {
        Self {
            plan,
            stored: instance,
            base: Cow::Borrowed(instance),
            at,
            header: instance.header.clone(),
            rows: BTreeMap::new(),
            open_preds: BTreeMap::new(),
            tally: instance.counters.tally,
            reset: None,
            closed: Vec::new(),
            decided: Vec::new(),
            history: History::default(),
            asked: Asked::default(),
        }
    }

    /// Decides one event.
    pub fn step(&mut self, event: Event) {
        let was_ending = self.is_ending();
        match event {
            Event::Loaded => self.loaded(),
            Event::Verb {
                operation,
                verb,
                run,
                task,
            } => {
                self.verb(Operation {
                    id: operation,
                    verb,
                    run,
                    task,
                });
            }
            Event::Granted { ordinal, worker } => self.task(ordinal, TaskEvent::Bound { worker }),
            Event::NoSlot { ordinal, reason } => self.task(ordinal, TaskEvent::NoSlot { reason }),
            Event::Started { uid, pid, at } => self.attempt(uid, TaskEvent::Started { uid, pid, at }),
            Event::Ended { uid, ended } => self.attempt(uid, TaskEvent::Ended { uid, ended }),
            Event::FinishedInOwner { ordinal, attempt } => {
                self.task(ordinal, TaskEvent::FinishedInOwner { attempt });
            }
            Event::NotStarted { uid, reason } => self.attempt(uid, TaskEvent::NotStarted { uid, reason }),
            Event::Lost { uid, reason } => self.attempt(uid, TaskEvent::Lost { uid, reason }),
            Event::HeldBack { uid, reason } => self.attempt(uid, TaskEvent::HeldBack { uid, reason }),
            Event::Warned { uid, text } => self.warn(uid, &text),
            Event::Due => self.due(),
            Event::GiveUp { attention } => self.give_up(attention),
        }
        if self.is_ending() && !was_ending {
            let reason = format!("the instance ends: {}", self.why_ending());
            self.end_all(KillCause::Strategy, &reason);
        }
        self.settle();
    }

    /// Lists the tasks that want a slot and have not asked before, most urgent first.
    pub fn wanting_slots(&self) -> Vec<WantedSlot> {
        if super::owed::rests(&self.header) {
            return Vec::new();
        }
        let mut wanted: Vec<WantedSlot> = self
            .asked
            .slots
            .iter()
            .filter_map(|ordinal| self.wanted_slot(*ordinal))
            .collect();
        wanted.sort_by_key(|w| (w.task_priority, w.ready_at, w.ordinal));
        wanted
    }

    fn wanted_slot(&self, ordinal: Ordinal) -> Option<WantedSlot> {
        let row = self.row(ordinal).filter(|row| row.state == TaskState::Waiting)?;
        let task = self.plan.task(ordinal)?;
        let since_before = self.stored.row(ordinal).is_some_and(|old| old.state == row.state);
        Some(WantedSlot {
            ordinal,
            group: self.plan.group_of(task).to_owned(),
            instance_priority: self.plan.start.priority,
            task_priority: self.plan.priority_of(task),
            ready_at: match since_before {
                true => self.stored.created_at,
                false => self.at,
            },
        })
    }

    /// Returns the row as this round sees it.
    pub(super) fn row(&self, ordinal: Ordinal) -> Option<&Task> {
        self.rows.get(&ordinal).or_else(|| self.base.row(ordinal))
    }

    pub(super) fn open_preds(&self, ordinal: Ordinal) -> u32 {
        let counted = || self.base.counters.open_preds[ordinal.index()];
        self.open_preds.get(&ordinal).copied().unwrap_or_else(counted)
    }

    /// Lists tasks by a set that the counters keep, as this round sees it.
    pub(super) fn listed(
        &self,
        set: fn(&Counters) -> &BTreeSet<Ordinal>,
        holds: fn(&Task) -> bool,
    ) -> BTreeSet<Ordinal> {
        let before = set(&self.base.counters).iter().copied();
        let touched = self.rows.iter().filter(|(_, task)| holds(task)).map(|(o, _)| *o);
        before
            .filter(|o| !self.rows.contains_key(o))
            .chain(touched)
            .collect()
    }

    pub(super) fn active(&self) -> BTreeSet<Ordinal> {
        self.listed(|counters| &counters.active, |task| task.state.is_active())
    }

    pub(super) fn ignore(&mut self, reason: String) {
        self.asked.said.push(Effect::Ignore { reason });
    }

    /// Whether the instance kills what runs and will be `failed`.
    pub(super) fn is_ending(&self) -> bool {
        let open = matches!(self.header.state, InstanceState::Running | InstanceState::Pausing);
        let fallen = self.tally.failed + self.tally.killed > 0;
        let by_failure = fallen && self.plan.start.failure_strategy == FailureStrategy::End;
        let by_time = self.header.timed_out && self.plan.definition.on_timeout.fails();
        open && (by_failure || by_time)
    }

    fn mode(&self) -> Mode {
        match self.header.state {
            InstanceState::Running | InstanceState::Pausing if self.is_ending() => Mode::Ending,
            InstanceState::Running => Mode::Open,
            InstanceState::Queued | InstanceState::Pausing | InstanceState::Paused => Mode::Pausing,
            InstanceState::Stopping
            | InstanceState::Stopped
            | InstanceState::Failed
            | InstanceState::Succeeded => Mode::Ending,
        }
    }

    fn attempt(&mut self, uid: Uid, event: TaskEvent) {
        self.task(uid.ordinal, event);
    }

    /// Tells a warning in the history of the task, whose state stays.
    fn warn(&mut self, uid: Uid, text: &str) {
        let current = |row: &&Task| {
            row.attempt
                .as_ref()
                .is_some_and(|attempt| attempt.uid == Some(uid))
        };
        let Some(row) = self.row(uid.ordinal).filter(current).cloned() else {
            return self.ignore(format!("a warning about {uid}, which is not the current attempt"));
        };
        self.rows.insert(uid.ordinal, row);
        self.history.noted.insert(uid.ordinal);
        let told = self.history.task_whys.entry(uid.ordinal).or_default();
        if !told.is_empty() {
            told.push_str("; ");
        }
        told.push_str(text);
    }

    /// Steps one task and takes in what it asks.
    pub(super) fn task(&mut self, ordinal: Ordinal, event: TaskEvent) {
        let Some(definition) = self.plan.task(ordinal) else {
            return self.ignore(format!("{event}: task {ordinal} takes no part in this instance"));
        };
        let attention = self.header.attention.is_some();
        if attention && matches!(event, TaskEvent::Bound { .. }) {
            self.asked.unwanted.insert(ordinal);
            return self.ignore(format!("{event}: the instance needs a person"));
        }
        let policy = Policy {
            task: definition,
            place: self.plan.place_of(definition),
            group: self.plan.group_of(definition),
            mode: self.mode(),
            at: self.at,
            epoch: self.stored.epoch,
            generation: self.stored.generation,
            instance: self.stored.id,
            ordinal,
        };
        let row = self.row(ordinal).cloned().unwrap_or_else(Task::unstarted);
        let step = task::step(&policy, row, event);
        for ask in step.asks {
            self.take_ask(ordinal, ask);
        }
        if let Some(why) = step.why {
            self.put(ordinal, step.task, &why);
        }
    }

    fn take_ask(&mut self, ordinal: Ordinal, ask: Ask) {
        match ask {
            Ask::Slot => drop(self.asked.slots.insert(ordinal)),
            Ask::DropSlot => drop(self.asked.unwanted.insert(ordinal)),
            Ask::FinishInOwner => drop(self.asked.in_owner.insert(ordinal)),
            Ask::Kill => drop(self.asked.kills.insert(ordinal)),
            Ask::Warn(text) => {
                self.history.noted.insert(ordinal);
                self.asked.said.push(Effect::Warn {
                    ordinal: Some(ordinal),
                    text,
                });
            }
            Ask::Close(attempt) => {
                let stored = self.stored.row(ordinal).and_then(|row| row.attempt.as_ref());
                if stored != Some(&attempt) {
                    self.closed.push((ordinal, attempt));
                }
            }
            Ask::Ignore(reason) => {
                let name = self.plan.task(ordinal).map_or("?", |task| task.name.as_str());
                self.asked.said.push(Effect::Ignore {
                    reason: format!("{name}: {reason}"),
                });
            }
        }
    }

    /// Puts a changed row in place, and lets its successors start when it is passable now.
    fn put(&mut self, ordinal: Ordinal, task: Task, why: &str) {
        let from = self.row(ordinal).map_or(TaskState::Pending, |row| row.state);
        let to = task.state;
        self.tally.shift(from, to);
        let unheard_of = task.attempts == 0 && self.base.row(ordinal).is_none();
        if unheard_of && to == TaskState::NotRun {
            self.rows.remove(&ordinal);
            self.history.task_whys.remove(&ordinal);
            return;
        }
        self.rows.insert(ordinal, task);
        let told = self.history.task_whys.entry(ordinal).or_default();
        if from != to || told.is_empty() {
            if !told.is_empty() {
                told.push_str("; ");
            }
            told.push_str(why);
        }
        if to.is_passable() && !from.is_passable() {
            self.pass(ordinal);
        }
    }

    fn pass(&mut self, ordinal: Ordinal) {
        let plan = self.plan;
        let mut passed = vec![ordinal];
        while let Some(ordinal) = passed.pop() {
            for succ in plan.nodes[ordinal.index()].succs.iter().copied() {
                let open = self.open_preds(succ).saturating_sub(1);
                self.open_preds.insert(succ, open);
                if open > 0 {
                    continue;
                }
                match plan.nodes[succ.index()].forbidden {
                    true => passed.push(succ),
                    false => self.begin(succ),
                }
            }
        }
    }

    /// Starts a task whose predecessors are done, if the instance lets tasks start.
    fn begin(&mut self, ordinal: Ordinal) {
        let fresh = self
            .row(ordinal)
            .is_none_or(|row| row.state == TaskState::Pending);
        if fresh && self.mode() == Mode::Open {
            self.task(ordinal, TaskEvent::Ready);
        }
    }

    /// Starts everything that is ready: O(tasks), for verbs and loading only.
    pub(super) fn begin_all(&mut self) {
        let plan = self.plan;
        for ordinal in plan.order.iter().copied() {
            if plan.nodes[ordinal.index()].takes_part() && self.open_preds(ordinal) == 0 {
                self.begin(ordinal);
            }
        }
    }

    /// Kills what runs; what has not started never will.
    pub(super) fn end_all(&mut self, cause: KillCause, reason: &str) {
        for ordinal in self.active() {
            let reason = reason.to_owned();
            self.task(ordinal, TaskEvent::End { cause, reason });
        }
    }
}
