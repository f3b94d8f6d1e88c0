//! A small world around one instance: a definition by hand, workers without limits, time that jumps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::definition::{Definition, OnCutOff, Retry, Task as TaskDefinition, Work};
use crate::ids::{Epoch, Generation, Incarnation, InstanceId, Millis, OperationId, Ordinal, Rev, Run, Uid};
use crate::instance::{
    AttemptResult, Changes, Decided, Effect, Ended, Event, Header, Instance, Parts, Transition, apply,
    decide, pending,
};
use crate::plan::Plan;
use crate::start::Start;
use crate::states::{
    Backoff, FailureStrategy, InstanceState, OnTimeout, OnWorkerLost, Outcome, Priority, Scope, TaskState,
    Verb,
};
use crate::task::Worker;

pub(crate) fn task(name: &str, needs: &[u32]) -> TaskDefinition {
    TaskDefinition {
        name: name.to_owned(),
        work: Work::Shell {
            run: "true".into(),
            interpreter: "/bin/sh".into(),
        },
        needs: needs.iter().copied().map(Ordinal).collect(),
        params: Vec::new(),
        outputs: Vec::new(),
        retry: Retry::default(),
        delay_ms: None,
        timeout_ms: None,
        on_timeout: OnTimeout::Fail,
        priority: None,
        worker_group: None,
        env: BTreeMap::new(),
        on_worker_lost: OnWorkerLost::Rerun,
        on_cut_off: OnCutOff::Continue,
        enabled: true,
    }
}

pub(crate) fn noop(name: &str, needs: &[u32]) -> TaskDefinition {
    TaskDefinition {
        work: Work::Noop,
        ..task(name, needs)
    }
}

pub(crate) fn with_retries(max: u32, delay_ms: i64, task: TaskDefinition) -> TaskDefinition {
    let retry = Retry {
        max,
        delay_ms,
        backoff: Backoff::Fixed,
        max_delay_ms: None,
    };
    TaskDefinition { retry, ..task }
}

pub(crate) fn forbidden(task: TaskDefinition) -> TaskDefinition {
    TaskDefinition {
        enabled: false,
        ..task
    }
}

pub(crate) fn workflow(tasks: Vec<TaskDefinition>) -> Definition {
    Definition {
        name: "w".into(),
        project: None,
        description: String::new(),
        labels: BTreeMap::new(),
        params: Vec::new(),
        timeout_ms: None,
        on_timeout: OnTimeout::Warn,
        failure_strategy: FailureStrategy::Continue,
        priority: Priority::Medium,
        worker_group: "default".into(),
        tasks,
    }
}

pub(crate) fn start() -> Start {
    Start {
        params: BTreeMap::new(),
        tasks: Vec::new(),
        scope: Scope::All,
        failure_strategy: FailureStrategy::Continue,
        priority: Priority::Medium,
        worker_group: None,
        dry_run: false,
        scheduled_at: None,
    }
}

pub(crate) fn header() -> Header {
    Header {
        state: InstanceState::Running,
        reason: Some("waiting for a master".into()),
        attention: None,
        run: Run(1),
        due_at: None,
        time_left_ms: None,
        timed_out: false,
        started_at: None,
        ended_at: None,
        outputs: BTreeMap::new(),
    }
}

pub(crate) fn worker() -> Worker {
    Worker {
        incarnation: Incarnation(7),
        name: "w1".into(),
    }
}

/// One instance, its clock and everything that was told about it.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) state: Instance,
    pub(crate) now: Millis,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) decided: Vec<Decided>,
    pub(crate) effects: Vec<Effect>,
    operations: i64,
}

impl World {
    pub(crate) fn new(definition: Definition, start: Start) -> Self {
        let plan = Plan::new(Arc::new(definition), Arc::new(start));
        let parts = Parts {
            id: InstanceId(42),
            generation: Generation(1),
            epoch: Epoch(1),
            rev: Rev(0),
            created_at: Millis(0),
            header: header(),
            tasks: Vec::new(),
        };
        let state = Instance::load(&plan, parts);
        Self {
            plan,
            state,
            now: Millis(1000),
            transitions: Vec::new(),
            decided: Vec::new(),
            effects: Vec::new(),
            operations: 0,
        }
    }

    pub(crate) fn of(tasks: Vec<TaskDefinition>) -> Self {
        let mut world = Self::new(workflow(tasks), start());
        world.send(Event::Loaded);
        world
    }

    pub(crate) fn ending(tasks: Vec<TaskDefinition>) -> Self {
        let start = Start {
            failure_strategy: FailureStrategy::End,
            ..start()
        };
        let mut world = Self::new(workflow(tasks), start);
        world.send(Event::Loaded);
        world
    }

    /// Decides events in one round, folds the changes in and checks what must always hold.
    pub(crate) fn round(&mut self, events: &[Event]) -> (Changes, Vec<Effect>) {
        let (changes, effects) = decide(&self.plan, &self.state, events, self.now);
        apply(&self.plan, &mut self.state, &changes);
        self.transitions.extend(changes.transitions.iter().cloned());
        self.decided.extend(changes.decided.iter().cloned());
        self.effects.extend(effects.iter().cloned());
        self.check(&changes, &effects);
        (changes, effects)
    }

    pub(crate) fn send(&mut self, event: Event) -> Vec<Effect> {
        self.round(&[event]).1
    }

    pub(crate) fn verb(&mut self, verb: Verb) -> Outcome {
        self.verb_on(verb, None)
    }

    pub(crate) fn force(&mut self, ordinal: u32) -> Outcome {
        self.verb_on(Verb::ForceSuccess, Some(Ordinal(ordinal)))
    }

    fn verb_on(&mut self, verb: Verb, task: Option<Ordinal>) -> Outcome {
        let event = self.verb_event(verb, task);
        let (changes, _) = self.round(&[event]);
        changes.decided[0].outcome
    }

    pub(crate) fn verb_event(&mut self, verb: Verb, task: Option<Ordinal>) -> Event {
        self.operations += 1;
        Event::Verb {
            operation: OperationId(self.operations),
            verb,
            run: self.state.header.run,
            task,
        }
    }

    pub(crate) fn row(&self, ordinal: u32) -> &crate::task::Task {
        self.state.row(Ordinal(ordinal)).expect("the task has a row")
    }

    pub(crate) fn uid(&self, ordinal: u32) -> Uid {
        let attempt = self.row(ordinal).attempt.as_ref().expect("it has an attempt");
        attempt.uid.expect("its attempt is bound")
    }

    pub(crate) fn grant(&mut self, ordinal: u32) {
        let ordinal = Ordinal(ordinal);
        self.send(Event::Granted {
            ordinal,
            worker: worker(),
        });
    }

    pub(crate) fn run(&mut self, ordinal: u32) {
        self.grant(ordinal);
        let (uid, at) = (self.uid(ordinal), self.now);
        self.send(Event::Started {
            uid,
            pid: Some(1),
            at,
        });
    }

    pub(crate) fn ended(&self, ordinal: u32, result: AttemptResult) -> Event {
        Event::Ended {
            uid: self.uid(ordinal),
            ended: Ended {
                result,
                exit_code: Some(i32::from(result != AttemptResult::Succeeded)),
                ..Ended::succeeded(self.now)
            },
        }
    }

    pub(crate) fn end(&mut self, ordinal: u32, result: AttemptResult) -> Vec<Effect> {
        let event = self.ended(ordinal, result);
        self.send(event)
    }

    pub(crate) fn succeed(&mut self, ordinal: u32) {
        self.run(ordinal);
        self.end(ordinal, AttemptResult::Succeeded);
    }

    pub(crate) fn fail(&mut self, ordinal: u32) {
        self.run(ordinal);
        self.end(ordinal, AttemptResult::Failed);
    }

    /// Lets time pass until something may be due.
    pub(crate) fn pass(&mut self, ms: i64) -> Vec<Effect> {
        self.now = self.now.plus(ms);
        self.send(Event::Due)
    }

    /// The instance's state and, by ordinal, the tasks as readers see them.
    pub(crate) fn line(&self) -> String {
        let mut words = vec![self.state.header.state.to_string()];
        for ordinal in crate::plan::ordinals(self.plan.nodes.len()) {
            words.push(self.shown(ordinal).to_string());
        }
        words.join(" ")
    }

    pub(crate) fn shown(&self, ordinal: Ordinal) -> TaskState {
        let row = self
            .state
            .row(ordinal)
            .map(|row| (row.state, row.reason.as_deref()));
        crate::view::shown(&self.plan, self.state.header.state, ordinal, row).state
    }

    pub(crate) fn history(&self) -> String {
        self.transitions.iter().map(|t| format!("{t}\n")).collect()
    }

    /// What must hold after every round, whatever happened.
    fn check(&self, changes: &Changes, effects: &[Effect]) {
        self.check_counters();
        self.check_rows();
        self.check_effects(effects);
        let header = &self.state.header;
        let rests = header.state.is_at_rest() || header.attention.is_some();
        assert_eq!(changes.rests, rests, "rests says what the state says");
    }

    fn check_counters(&self) {
        let parts = Parts {
            id: self.state.id,
            generation: self.state.generation,
            epoch: self.state.epoch,
            rev: self.state.rev,
            created_at: self.state.created_at,
            header: self.state.header.clone(),
            tasks: crate::plan::ordinals(self.state.tasks.len())
                .filter_map(|o| Some((o, self.state.row(o)?.clone())))
                .collect(),
        };
        assert_eq!(
            Instance::load(&self.plan, parts),
            self.state,
            "kept counters equal fresh ones"
        );
    }

    fn check_rows(&self) {
        let state = self.state.header.state;
        for (place, row) in self.state.tasks.iter().enumerate() {
            let Some(row) = row else { continue };
            let said = format!("task {place} is {row} in an instance that is {state}");
            assert!(self.plan.nodes[place].takes_part(), "{said}");
            let bound = row.open_attempt().is_some_and(|a| a.uid.is_some());
            assert!(!(state.is_final() && row.state.is_active()), "{said}");
            assert!(!(state.is_final() && row.open_attempt().is_some()), "{said}");
            assert!(
                !bound || matches!(row.state, TaskState::Dispatched | TaskState::Running),
                "{said}"
            );
            let dispatched = row.state == TaskState::Dispatched;
            let created = row
                .open_attempt()
                .is_some_and(|a| a.uid.is_some() && a.started_at.is_none());
            assert_eq!(dispatched, created, "{said}");
            let waits = matches!(
                row.state,
                TaskState::Delayed
                    | TaskState::Waiting
                    | TaskState::WaitingRetry
                    | TaskState::Failed
                    | TaskState::Killed
                    | TaskState::NotRun
            );
            assert!(!waits || row.reason.is_some(), "no reason: {said}");
        }
        let waits = !matches!(state, InstanceState::Running | InstanceState::Succeeded);
        assert!(
            !waits || self.state.header.reason.is_some(),
            "no reason: {}",
            self.state
        );
    }

    fn check_effects(&self, effects: &[Effect]) {
        let owed: BTreeSet<Effect> = pending(&self.plan, &self.state).into_iter().collect();
        for effect in effects {
            let said_only = match effect {
                Effect::Ignore { .. } | Effect::Warn { .. } | Effect::DropSlot { .. } | Effect::Rest => true,
                Effect::WantSlot { .. }
                | Effect::Dispatch { .. }
                | Effect::Kill { .. }
                | Effect::FinishInOwner { .. }
                | Effect::WakeAt { .. } => false,
            };
            assert!(
                said_only || owed.contains(effect),
                "`{effect}` is not owed by {}",
                self.state
            );
        }
    }
}
