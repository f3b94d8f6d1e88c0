//! What loading, time and giving up do to an instance, and the rule of finishing.

use std::collections::{BTreeMap, BTreeSet};

use super::round::Round;
use super::{Attention, Effect};
use crate::definition::Direction;
use crate::ids::Ordinal;
use crate::states::{InstanceState, KillCause, OnTimeout, TaskState};
use crate::task::{Span, TaskEvent};

impl Round<'_> {
    /// An owner has it: whatever may start, starts.
    pub(super) fn loaded(&mut self) {
        if super::owed::rests(&self.header) {
            return;
        }
        self.go();
        self.asked.wake = true;
        let waiting = self
            .base
            .counters
            .active
            .iter()
            .copied()
            .filter(|o| self.row(*o).is_some_and(|row| row.state == TaskState::Waiting));
        let waiting: Vec<Ordinal> = waiting.collect();
        self.asked.slots.extend(waiting);
    }

    /// Goes on in the state that it has.
    pub(super) fn go(&mut self) {
        if self.header.state != InstanceState::Running {
            return;
        }
        if self.header.started_at.is_none() {
            self.header.started_at = Some(self.at);
            self.start_clock();
        }
        self.begin_all();
    }

    /// Begins the time limit of a run.
    pub(super) fn start_clock(&mut self) {
        self.header.timed_out = false;
        self.header.time_left_ms = None;
        self.header.due_at = self.plan.definition.timeout_ms.map(|limit| self.at.plus(limit));
    }

    pub(super) fn give_up(&mut self, attention: Attention) {
        if super::owed::rests(&self.header) {
            return self.ignore(format!("it rests already ({})", self.header.state));
        }
        self.history
            .whys
            .push(format!("needs a person: {}", attention.detail));
        self.history.noted_self = true;
        self.header.attention = Some(attention);
    }

    /// Everything due by now is over.
    pub(super) fn due(&mut self) {
        if super::owed::rests(&self.header) {
            return self.ignore(format!("it rests ({})", self.header.state));
        }
        self.asked.wake = true;
        let own = self.header.due_at.is_some_and(|due| due <= self.at);
        if own {
            self.run_out_of_time();
        }
        let tasks = self.due_tasks();
        if !own && tasks.is_empty() {
            self.ignore("nothing is due".to_owned());
        }
        for ordinal in tasks {
            if self.row(ordinal).and_then(|row| row.due_at).is_some() {
                self.task(ordinal, TaskEvent::Due);
            }
        }
    }

    fn due_tasks(&self) -> Vec<Ordinal> {
        let last = (self.at, Ordinal(u32::MAX));
        let before = self.base.counters.due.range(..=last).map(|(_, o)| *o);
        let touched = self
            .rows
            .iter()
            .filter(|(_, task)| task.due_at.is_some_and(|due| due <= self.at));
        let untouched = before.filter(|o| !self.rows.contains_key(o));
        untouched.chain(touched.map(|(o, _)| *o)).collect()
    }

    fn run_out_of_time(&mut self) {
        let text = self.limit_in_words();
        self.header.due_at = None;
        self.header.timed_out = true;
        self.history.whys.push(text.clone());
        self.history.noted_self = true;
        if self.plan.definition.on_timeout != OnTimeout::Fail {
            self.asked.said.push(Effect::Warn { ordinal: None, text });
        }
    }

    pub(super) fn limit_in_words(&self) -> String {
        let limit = self.plan.definition.timeout_ms.unwrap_or_default();
        format!("it ran longer than {}", Span(limit))
    }

    /// Says what makes the instance end as failed.
    pub(super) fn why_ending(&self) -> String {
        if self.header.timed_out && self.plan.definition.on_timeout.fails() {
            return self.limit_in_words();
        }
        let fallen = self.first_fallen();
        let Some((name, row)) = fallen.and_then(|o| Some((&self.plan.task(o)?.name, self.row(o)?))) else {
            return "no task can start".to_owned();
        };
        let why = row.reason.as_deref().unwrap_or("without a reason");
        format!("task `{name}` is {}: {why}", row.state)
    }

    /// Returns the first failed task in document order, or the first killed one.
    fn first_fallen(&self) -> Option<Ordinal> {
        let first = |set: &BTreeSet<Ordinal>, state: TaskState| {
            let untouched = set.iter().copied().find(|o| !self.rows.contains_key(o));
            let touched = self.rows.iter().find(|(_, task)| task.state == state);
            untouched.into_iter().chain(touched.map(|(o, _)| *o)).min()
        };
        let counters = &self.base.counters;
        first(&counters.failed, TaskState::Failed).or_else(|| first(&counters.killed, TaskState::Killed))
    }

    /// The rule of finishing: total, so that no combination of states is stuck.
    pub(super) fn settle(&mut self) {
        if self.header.attention.is_some() {
            return;
        }
        let tally = self.tally;
        let fallen = tally.failed + tally.killed > 0;
        let all_passed = tally.passable == tally.total;
        match self.header.state {
            InstanceState::Running if self.header.started_at.is_none() || tally.active > 0 => {}
            InstanceState::Running if fallen || self.is_ending() => self.fail(),
            InstanceState::Running if all_passed => self.end(InstanceState::Succeeded, None),
            InstanceState::Running => self.revive(),
            InstanceState::Pausing if self.is_ending() => {
                if tally.active == 0 {
                    self.fail();
                }
            }
            InstanceState::Pausing if tally.active > tally.retrying => {}
            InstanceState::Pausing if tally.failed > 0 => self.fail(),
            InstanceState::Pausing if all_passed => self.end(InstanceState::Succeeded, None),
            InstanceState::Pausing => self.pause_now(),
            InstanceState::Stopping if tally.active > 0 => {}
            InstanceState::Stopping if all_passed => self.end(InstanceState::Succeeded, None),
            InstanceState::Stopping => self.end(InstanceState::Stopped, Some("stopped".to_owned())),
            InstanceState::Queued
            | InstanceState::Paused
            | InstanceState::Stopped
            | InstanceState::Failed
            | InstanceState::Succeeded => {}
        }
    }

    /// Starts what is ready; an instance in which nothing can start has failed.
    fn revive(&mut self) {
        self.begin_all();
        if self.tally.active == 0 {
            self.fail();
        }
    }

    fn fail(&mut self) {
        let why = self.why_ending();
        if self.tally.retrying > 0 {
            for ordinal in self.active() {
                self.task(ordinal, TaskEvent::Abandon);
            }
        }
        self.end(InstanceState::Failed, Some(why));
    }

    /// Stores a final state.
    pub(super) fn end(&mut self, state: InstanceState, reason: Option<String>) {
        let held = self.listed(
            |counters| &counters.kept,
            |task| !task.state.is_active() && task.has_unbound_attempt(),
        );
        for ordinal in held {
            let reason = format!("the instance is {state}");
            let cause = KillCause::Stop;
            self.task(ordinal, TaskEvent::End { cause, reason });
        }
        let why = reason
            .clone()
            .unwrap_or_else(|| "every task succeeded".to_owned());
        self.set_state(state, &why);
        self.header.reason = reason;
        self.header.due_at = None;
        self.header.time_left_ms = None;
        self.header.ended_at = Some(self.at);
        self.header.outputs = self.outputs();
    }

    fn pause_now(&mut self) {
        self.set_state(InstanceState::Paused, "nothing runs any more");
        self.header.reason = Some("paused".to_owned());
        self.header.time_left_ms = self.header.due_at.take().map(|due| due.since(self.at).max(0));
    }

    /// Moves the instance's own state.
    pub(super) fn set_state(&mut self, state: InstanceState, why: &str) {
        self.header.state = state;
        self.history.whys.push(why.to_owned());
    }

    /// Fills the declared outputs from the tasks, in the order of the graph; the last one wins.
    fn outputs(&self) -> BTreeMap<String, String> {
        let declared = || {
            let params = self.plan.definition.params.iter();
            params.filter(|param| param.direction == Direction::Out)
        };
        let mut outputs: BTreeMap<String, String> = declared()
            .filter_map(|param| Some((param.name.clone(), words(param.value.as_ref()?))))
            .collect();
        if declared().next().is_none() {
            return outputs;
        }
        for row in self.plan.order.iter().filter_map(|o| self.row(*o)) {
            for param in declared() {
                if let Some(value) = row.outputs.get(&param.name) {
                    outputs.insert(param.name.clone(), value.clone());
                }
            }
        }
        outputs
    }
}

/// Returns a value as text, the way values travel.
fn words(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
