//! The end of a round: what is stored, what is told, what is done outside.

use std::collections::BTreeMap;

use super::round::{History, Round};
use super::{Changes, Effect, Transition};
use crate::ids::Ordinal;
use crate::states::{AttemptState, InstanceState, TaskState};
use crate::task::Task;

impl Round<'_> {
    /// Ends the round: what must be committed, and what is to be done after that.
    pub fn finish(mut self) -> (Changes, Vec<Effect>) {
        self.explain();
        self.tell();
        let effects = self.effects();
        let rests = super::owed::rests(&self.header);
        let base = &self.base;
        let changes = Changes {
            header: (self.header != self.stored.header).then_some(self.header),
            reset: self.reset,
            closed: self.closed,
            tasks: self
                .rows
                .into_iter()
                .filter(|(ordinal, task)| base.row(*ordinal) != Some(task))
                .collect(),
            transitions: self.history.told,
            decided: self.decided,
            rests,
        };
        (changes, effects)
    }

    /// Says in words what an open instance waits for.
    fn explain(&mut self) {
        let reason = match self.header.state {
            InstanceState::Running if self.header.started_at.is_none() => return,
            InstanceState::Running | InstanceState::Pausing if self.is_ending() => {
                Some(format!("ending, {}{}", self.why_ending(), self.unconfirmed()))
            }
            InstanceState::Running if self.header.timed_out => Some(self.limit_in_words()),
            InstanceState::Running => None,
            InstanceState::Pausing => Some("pausing; what runs may end".to_owned()),
            InstanceState::Stopping => Some(format!("stopping{}", self.unconfirmed())),
            InstanceState::Queued
            | InstanceState::Paused
            | InstanceState::Stopped
            | InstanceState::Failed
            | InstanceState::Succeeded => return,
        };
        self.header.reason = reason;
    }

    /// Names a worker whose confirmation is awaited: that of the first task in document order.
    fn unconfirmed(&self) -> String {
        let awaited = |o: &Ordinal| {
            let row = self.row(*o);
            row.and_then(Task::open_attempt)
                .is_some_and(|attempt| attempt.worker.is_some())
        };
        let mut untouched = self
            .base
            .counters
            .active
            .iter()
            .filter(|o| !self.rows.contains_key(o));
        let first = untouched
            .find(|o| awaited(o))
            .into_iter()
            .chain(self.rows.keys().find(|o| awaited(o)));
        let named = first.min().and_then(|o| {
            let worker = self.row(*o)?.open_attempt()?.worker.as_ref()?;
            Some((&worker.name, &self.plan.task(*o)?.name))
        });
        named.map_or_else(String::new, |(worker, task)| {
            format!("; waits for worker {worker} to confirm the kill of task `{task}`")
        })
    }

    /// Makes transitions of what has changed since the last telling.
    pub(super) fn tell(&mut self) {
        let own = self.own_transition();
        let opens = !self.header.state.is_final();
        let (first, last) = match opens {
            true => (own, None),
            false => (None, own),
        };
        self.history.told.extend(first);
        self.history.told.append(&mut self.history.taken_back);
        // One round may hold the end of a task and the begin of its successor, whatever their document order.
        let mut rows: Vec<(&Ordinal, &Task)> = self.rows.iter().collect();
        rows.sort_by_key(|(ordinal, _)| self.plan.nodes[ordinal.index()].rank);
        let tasks: Vec<Transition> = rows
            .into_iter()
            .filter_map(|(ordinal, task)| self.task_transition(*ordinal, task))
            .collect();
        self.history.told.extend(tasks);
        self.history.told.extend(last);
        self.history.told_state = Some((self.header.state, self.header.run));
        for (ordinal, task) in &self.rows {
            self.history.told_tasks.insert(*ordinal, task.state);
        }
        self.history.whys.clear();
        self.history.task_whys.clear();
        self.history.noted.clear();
        self.history.noted_self = false;
    }

    fn own_transition(&self) -> Option<Transition> {
        let stored = (self.stored.header.state, self.stored.header.run);
        let (from, run) = self.history.told_state.unwrap_or(stored);
        let same = (from, run) == (self.header.state, self.header.run);
        (!same || self.history.noted_self).then(|| Transition {
            ordinal: None,
            attempt: None,
            from: Some(from.as_str()),
            to: self.header.state.as_str(),
            why: self.history.whys.join("; "),
        })
    }

    fn task_transition(&self, ordinal: Ordinal, task: &Task) -> Option<Transition> {
        let before = self.base.row(ordinal);
        let from = self.history.told_tasks.get(&ordinal).copied();
        let from = from.or(before.map(|row| row.state)).unwrap_or(TaskState::Pending);
        let number = |row: &Task| row.attempt.as_ref().map(|attempt| attempt.number);
        let next_attempt = task.state == TaskState::Dispatched
            && number(task) != before.and_then(number)
            && self.history.task_whys.contains_key(&ordinal);
        let told = from != task.state || next_attempt || self.history.noted.contains(&ordinal);
        told.then(|| Transition {
            ordinal: Some(ordinal),
            attempt: number(task).filter(|_| concerns_attempt(task)),
            from: Some(from.as_str()),
            to: task.state.as_str(),
            why: self.history.task_whys.get(&ordinal).cloned().unwrap_or_default(),
        })
    }

    fn effects(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if super::owed::rests(&self.header) {
            self.asked.said.push(Effect::Rest);
        } else {
            self.outward(&mut effects);
        }
        effects.extend(self.useless_slots());
        effects.append(&mut self.asked.said);
        effects
    }

    /// Adds what the state after this round owes and the state before did not.
    fn outward(&self, effects: &mut Vec<Effect>) {
        let asked = &self.asked;
        let touched: Vec<Ordinal> = match asked.everything {
            true => self.active().into_iter().collect(),
            false => {
                let owing = [&asked.slots, &asked.in_owner, &asked.kills];
                let bound = self.rows.keys().filter(|o| self.is_bound_anew(**o));
                owing.into_iter().flatten().chain(bound).copied().collect()
            }
        };
        effects.extend(
            touched
                .into_iter()
                .filter_map(|o| super::owed::of_task(o, self.row(o)?)),
        );
        effects.sort();
        effects.dedup();
        let next = super::owed::wake(&self.header, self.next_due());
        let stored_due = self.stored.counters.due.first().map(|(due, _)| *due);
        let before = super::owed::wake(&self.stored.header, stored_due);
        if asked.wake || asked.everything || next != before {
            effects.extend(next);
        }
    }

    fn is_bound_anew(&self, ordinal: Ordinal) -> bool {
        let uid = |row: Option<&Task>| row.and_then(|row| row.attempt.as_ref()).and_then(|a| a.uid);
        let now = uid(self.row(ordinal));
        now.is_some() && now != uid(self.stored.row(ordinal))
    }

    fn next_due(&self) -> Option<crate::ids::Millis> {
        let mut before = self.base.counters.due.iter();
        let untouched = before.find(|(_, o)| !self.rows.contains_key(o));
        let touched = self.rows.values().filter_map(|task| task.due_at).min();
        untouched.map(|(due, _)| *due).into_iter().chain(touched).min()
    }

    /// Lists tasks that asked for a slot, in this round or before, and want none now.
    fn useless_slots(&self) -> Vec<Effect> {
        let waited = |o: &Ordinal| {
            self.stored
                .row(*o)
                .is_some_and(|row| row.state == TaskState::Waiting)
        };
        let asked = self.rows.keys().filter(|o| waited(o)).chain(&self.asked.slots);
        let left = asked.filter(|o| {
            !self.row(**o).is_some_and(|row| {
                row.state == TaskState::Waiting
                    || row
                        .attempt
                        .as_ref()
                        .is_some_and(|a| a.state == AttemptState::Created && a.uid.is_some())
            })
        });
        // A grant that came too early for its task is given back; a wish of the same round must stay then.
        let wished = |o: &&Ordinal| {
            let waits = self.row(**o).is_some_and(|row| row.state == TaskState::Waiting);
            waits && self.asked.slots.contains(o)
        };
        let unwanted = self.asked.unwanted.iter().filter(|o| !wished(o));
        let all: std::collections::BTreeSet<Ordinal> = left.chain(unwanted).copied().collect();
        all.into_iter()
            .map(|ordinal| Effect::DropSlot { ordinal })
            .collect()
    }
}

impl History {
    /// Tells of tasks that left these states for `pending`, by the step of the instance that was told last.
    pub(super) fn take_back(&mut self, left: BTreeMap<Ordinal, TaskState>) {
        let why = self.whys.last().cloned().unwrap_or_default();
        let changed = left.into_iter().filter(|(_, from)| *from != TaskState::Pending);
        self.taken_back.extend(changed.map(|(ordinal, from)| Transition {
            ordinal: Some(ordinal),
            attempt: None,
            from: Some(from.as_str()),
            to: TaskState::Pending.as_str(),
            why: why.clone(),
        }));
    }
}

/// Whether a transition into the task's state is about its latest attempt.
fn concerns_attempt(task: &Task) -> bool {
    !matches!(
        task.state,
        TaskState::Pending | TaskState::Delayed | TaskState::ForcedSuccess
    )
}
