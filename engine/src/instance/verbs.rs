//! What control operations do to an instance.

use std::collections::BTreeMap;

use super::round::Round;
use super::{Counters, Decided, Reset};
use crate::ids::{OperationId, Ordinal, Run};
use crate::states::{InstanceState, KillCause, Outcome, TaskState, Verb};
use crate::task::{Task, TaskEvent};

/// One control operation as it was accepted.
pub(super) struct Operation {
    pub(super) id: OperationId,
    pub(super) verb: Verb,
    pub(super) run: Run,
    pub(super) task: Option<Ordinal>,
}

impl Round<'_> {
    /// Decides a control operation: applied, or refused with the state and what is possible.
    pub(super) fn verb(&mut self, asked: Operation) {
        let operation = asked.id;
        if self.decided.iter().any(|decided| decided.operation == operation) {
            return self.ignore(format!("operation {operation} is decided already"));
        }
        let refused = self.refusal(&asked);
        if refused.is_none() {
            if self.header.attention.take().is_some() {
                self.asked.everything = true;
            }
            self.act(&asked);
        }
        self.decided.push(Decided {
            operation,
            outcome: match refused {
                Some(_) => Outcome::Refused,
                None => Outcome::Applied,
            },
            detail: refused,
        });
    }

    fn refusal(&self, asked: &Operation) -> Option<String> {
        let Self { header, .. } = self;
        if asked.run != header.run {
            return Some(format!(
                "{} was asked for run {}; the instance is {} in run {}",
                asked.verb, asked.run, header.state, header.run
            ));
        }
        let attention = header.attention.as_ref();
        if !asked.verb.applies_in(header.state, attention) {
            let possible: Vec<&str> = Verb::possible_in(header.state, attention)
                .into_iter()
                .map(Verb::as_str)
                .collect();
            return Some(format!(
                "the instance is {}; possible: {}",
                header.state,
                possible.join(", ")
            ));
        }
        match asked.verb {
            Verb::ForceSuccess => self.unforceable(asked.task),
            Verb::Pause | Verb::Resume | Verb::Stop | Verb::Recover | Verb::Rerun => None,
        }
    }

    fn unforceable(&self, task: Option<Ordinal>) -> Option<String> {
        let Some(ordinal) = task else {
            return Some("no such task in this version of the workflow".to_owned());
        };
        let Some(task) = self.plan.task(ordinal) else {
            return Some("the task takes no part in this instance".to_owned());
        };
        let state = self.row(ordinal).map_or(TaskState::Pending, |row| row.state);
        let forceable = matches!(
            state,
            TaskState::Pending | TaskState::Failed | TaskState::Killed | TaskState::NotRun
        );
        let refused = format!(
            "task `{}` is {state}; only failed, killed and not_run tasks can be forced",
            task.name
        );
        (!forceable).then_some(refused)
    }

    fn act(&mut self, asked: &Operation) {
        match asked.verb {
            Verb::Pause => self.pause(),
            Verb::Stop => self.stop(),
            Verb::Resume => self.resume(),
            Verb::Recover => self.run_again(Reset::FailedAndKilled, "recovered"),
            Verb::Rerun => self.run_again(Reset::All, "run again"),
            Verb::ForceSuccess => self.force(asked.task),
        }
    }

    fn pause(&mut self) {
        if self.header.state == InstanceState::Pausing {
            return;
        }
        self.set_state(InstanceState::Pausing, "pause was asked for");
        for ordinal in self.active() {
            let holds = |row: &Task| {
                matches!(
                    row.state,
                    TaskState::Delayed | TaskState::Waiting | TaskState::WaitingRetry
                )
            };
            if !self.is_ending() && self.row(ordinal).is_some_and(holds) {
                self.task(ordinal, TaskEvent::Hold);
            }
        }
    }

    fn stop(&mut self) {
        if self.header.state != InstanceState::Stopping {
            self.set_state(InstanceState::Stopping, "stop was asked for");
        }
        self.header.due_at = None;
        self.header.time_left_ms = None;
        self.end_all(KillCause::Stop, "stopped");
    }

    fn resume(&mut self) {
        match self.header.state {
            InstanceState::Stopped => self.run_again(Reset::Killed, "resumed"),
            InstanceState::Paused => self.unpause(),
            InstanceState::Queued
            | InstanceState::Running
            | InstanceState::Pausing
            | InstanceState::Stopping
            | InstanceState::Failed
            | InstanceState::Succeeded => {
                self.history.whys.push("resumed by a person".to_owned());
                self.history.noted_self = true;
                self.go();
            }
        }
    }

    fn unpause(&mut self) {
        self.tell();
        self.set_state(InstanceState::Running, "resumed");
        let left = self.header.time_left_ms.take();
        self.header.due_at = left.map(|left| self.at.plus(left));
        self.reset(Reset::Held);
        let suspended = self.active();
        let killed = self.listed(
            |counters| &counters.killed,
            |task| task.state == TaskState::Killed,
        );
        for ordinal in suspended.into_iter().chain(killed) {
            self.task(ordinal, TaskEvent::Resumed);
        }
        self.go();
    }

    /// Begins the next run.
    fn run_again(&mut self, reset: Reset, why: &str) {
        self.tell();
        self.header.run = Run(self.header.run.0 + 1);
        self.set_state(InstanceState::Running, why);
        self.header.started_at.get_or_insert(self.at);
        self.header.ended_at = None;
        self.header.outputs.clear();
        self.start_clock();
        self.reset(reset);
        self.go();
    }

    fn force(&mut self, task: Option<Ordinal>) {
        let Some(ordinal) = task else { return };
        self.task(ordinal, TaskEvent::Force);
        if self.tally.passable == self.tally.total {
            let ended_at = self.header.ended_at;
            self.end(InstanceState::Succeeded, None);
            self.header.ended_at = ended_at.or(self.header.ended_at);
        }
    }

    /// Resets rows. The first reset of a round is one statement; a second one is written row by row.
    fn reset(&mut self, reset: Reset) {
        let before: Vec<Ordinal> = match self.reset {
            None => Vec::new(),
            Some(_) => self.plan.order.clone(),
        };
        for ordinal in before {
            if let Some(row) = self.base.row(ordinal).filter(|row| reset.touches(row.state)) {
                let row = row.clone();
                self.rows.entry(ordinal).or_insert(row);
            }
        }
        let mut left = BTreeMap::new();
        if self.reset.is_none() {
            self.reset = Some(reset);
            for (ordinal, row) in (0..).map(Ordinal).zip(&mut self.base.to_mut().tasks) {
                if let Some(row) = row.as_mut().filter(|row| reset.touches(row.state)) {
                    left.insert(ordinal, row.state);
                    *row = reset.row(std::mem::replace(row, Task::unstarted()));
                }
            }
        }
        for (ordinal, row) in &mut self.rows {
            left.remove(ordinal);
            if reset.touches(row.state) {
                left.insert(*ordinal, row.state);
                *row = reset.row(std::mem::replace(row, Task::unstarted()));
                self.history.told_tasks.insert(*ordinal, TaskState::Pending);
            }
        }
        self.history.take_back(left);
        let counters = Counters::of(self.plan, |ordinal| self.row(ordinal));
        self.tally = counters.tally;
        self.open_preds.clear();
        self.base.to_mut().counters = counters;
    }
}
