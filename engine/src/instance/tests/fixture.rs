//! A small world around one instance: a definition by hand, workers without limits, time that jumps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use crate::attempt::AttemptEvent;
use crate::attempt::{AttemptEnd, AttemptResult};
use crate::ids::{
    DispatchId, Epoch, Generation, Incarnation, InstanceId, OperationId, Revision, Run, TaskIndex, Timestamp,
};
use crate::instance::{
    Changes, Effect, Event, Instance, InstanceRecord, InstanceRows, OperationDecision, StepBatch, Transition,
    apply, pending_effects,
};
use crate::instance::{CommandArguments, Operation, next_plan};
use crate::limits::LimitPhase;
use crate::place::PlaceOutlook;
use crate::plan::Plan;
use crate::plan::trigger_rule::{Outcome, TriggerRule};
use crate::spec::ProjectDefaults;
use crate::spec::model::{Definition, OnCutOff, Predecessor, RetryPolicy, TaskDefinition};
use crate::start::Start;
use crate::states::{
    Backoff, Command, FailureStrategy, InstanceState, OnTimeout, OnWorkerLost, OperationStatus, Priority,
    Scope, TaskState,
};
use crate::task::{TaskReport, Worker};
use crate::task_type::dependent::DEPENDENT;
use crate::task_type::noop::noop_action;
use crate::task_type::shell::shell_action;
use crate::task_type::sub_workflow::SUB_WORKFLOW;
use crate::task_type::switch::SWITCH;
use crate::task_type::{ExecutionSite, TaskAction, TaskType, WatchKind};
use crate::timezone::Tz;

pub(crate) fn task(name: &str, needs: &[u32]) -> TaskDefinition {
    TaskDefinition {
        name: name.to_owned(),
        action: shell_action("true"),
        needs: needs
            .iter()
            .map(|pred| need(*pred, TriggerRule::OnSuccess))
            .collect(),
        params: Vec::new(),
        outputs: Vec::new(),
        retry: None,
        when: None,
        delay_ms: None,
        timeout_ms: None,
        on_timeout: OnTimeout::Fail,
        priority: None,
        worker_group: None,
        limits: Vec::new(),
        wait_within_ms: None,
        env: BTreeMap::new(),
        on_worker_lost: OnWorkerLost::Rerun,
        on_cut_off: OnCutOff::Continue,
        enabled: true,
    }
}

pub(crate) fn need(pred: u32, on: TriggerRule) -> Predecessor {
    Predecessor {
        task: TaskIndex(pred),
        on,
    }
}

/// Has a task wait for a failure of these too.
pub(crate) fn on_failure(preds: &[u32], task: TaskDefinition) -> TaskDefinition {
    on_rule(TriggerRule::OnFailure, preds, task)
}

/// Has a task wait for any end of these too.
pub(crate) fn on_settled(preds: &[u32], task: TaskDefinition) -> TaskDefinition {
    on_rule(TriggerRule::OnSettled, preds, task)
}

fn on_rule(on: TriggerRule, preds: &[u32], mut task: TaskDefinition) -> TaskDefinition {
    task.needs.extend(preds.iter().map(|pred| need(*pred, on)));
    task
}

pub(crate) fn noop(name: &str, needs: &[u32]) -> TaskDefinition {
    TaskDefinition {
        action: noop_action(),
        ..task(name, needs)
    }
}

const fn waiting_type(name: &'static str, kind: WatchKind) -> TaskType {
    TaskType {
        name,
        doc: "Waits in the owner.",
        site: ExecutionSite::Owner(kind),
        fields: &[],
        secret_fields: &[],
        prepare: |_, _, _| Default::default(),
    }
}

/// A type whose attempts wait for a person.
pub(crate) const ASK: TaskType = waiting_type("test_ask", WatchKind::Approval);

/// A task whose attempts wait in the owner.
pub(crate) fn waiting(name: &str, task_type: &'static TaskType) -> TaskDefinition {
    TaskDefinition {
        action: TaskAction::of_type(task_type),
        ..task(name, &[])
    }
}

/// A task whose attempts wait for an instance of today.
pub(crate) fn dependent(name: &str) -> TaskDefinition {
    let item = json!({ "workflow": "orders", "cycle": "day", "date": "today" });
    TaskDefinition {
        action: TaskAction::with_fields(&DEPENDENT, vec![("all", json!([item]))]),
        ..task(name, &[])
    }
}

/// A task whose attempts start one child.
pub(crate) fn parent(name: &str) -> TaskDefinition {
    TaskDefinition {
        action: TaskAction::with_fields(&SUB_WORKFLOW, vec![("workflow", json!("part"))]),
        ..task(name, &[])
    }
}

/// A switch that chooses nothing.
pub(crate) fn switch(name: &str) -> TaskDefinition {
    let fields = vec![("cases", json!([])), ("default", json!([]))];
    TaskDefinition {
        action: TaskAction::with_fields(&SWITCH, fields),
        ..task(name, &[])
    }
}

pub(crate) fn with_retries(max: u32, delay_ms: i64, task: TaskDefinition) -> TaskDefinition {
    let retry = RetryPolicy {
        max,
        delay_ms,
        backoff: Backoff::Fixed,
        max_delay_ms: None,
    };
    TaskDefinition {
        retry: Some(retry),
        ..task
    }
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
        concurrency: None,
        start_within_ms: None,
        on_timeout: OnTimeout::Warn,
        failure_strategy: FailureStrategy::Continue,
        priority: None,
        worker_group: None,
        timezone: None,
        notify: Vec::new(),
        schedules: BTreeMap::new(),
        tasks,
    }
}

pub(crate) fn start() -> Start {
    Start {
        params: BTreeMap::new(),
        tasks: Vec::new(),
        start_within_ms: None,
        scope: Scope::All,
        failure_strategy: FailureStrategy::Continue,
        priority: Priority::Medium,
        worker_group: None,
        dry_run: false,
        scheduled_at: None,
        defaults: ProjectDefaults::default(),
        timezone: Tz::UTC,
        labels: BTreeMap::new(),
        notify: None,
        body: None,
    }
}

pub(crate) fn record() -> InstanceRecord {
    InstanceRecord {
        state: InstanceState::Running,
        reason: Some("waiting for a master".into()),
        attention: None,
        run: Run(1),
        run_range: None,
        due_at: None,
        queued_by: None,
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

/// Decides events in one batch.
pub(crate) fn decide(
    plan: &Plan,
    instance: &Instance,
    events: &[Event],
    at: Timestamp,
) -> (Changes, Vec<Effect>) {
    decide_with_places(plan, instance, events, (at, PlaceOutlook::Unknown))
}

/// Decides events in one batch by what is known of the places.
pub(crate) fn decide_with_places(
    plan: &Plan,
    instance: &Instance,
    events: &[Event],
    (at, places): (Timestamp, PlaceOutlook),
) -> (Changes, Vec<Effect>) {
    let mut batch = StepBatch::new(plan, instance, at).with_places(places);
    for event in events {
        batch.step(event.clone());
    }
    batch.finish()
}

/// One instance, its clock and everything that happened to it.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) state: Instance,
    pub(crate) now: Timestamp,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) decisions: Vec<OperationDecision>,
    pub(crate) effects: Vec<Effect>,
    /// The rows in the queues of limits, as the store keeps them.
    queues: BTreeMap<TaskIndex, LimitPhase>,
    /// What the store says about places.
    pub(crate) places: PlaceOutlook,
    operations: i64,
}

impl World {
    pub(crate) fn new(definition: Definition, start: Start) -> Self {
        let plan = Plan::new(Arc::new(definition), Arc::new(start));
        let rows = InstanceRows {
            id: InstanceId(42),
            generation: Generation(1),
            epoch: Epoch(1),
            revision: Revision(0),
            created_at: Timestamp(0),
            record: record(),
            tasks: BTreeMap::new(),
        };
        let state = Instance::load(&plan, rows);
        Self {
            plan,
            state,
            now: Timestamp(1000),
            transitions: Vec::new(),
            decisions: Vec::new(),
            effects: Vec::new(),
            queues: BTreeMap::new(),
            places: PlaceOutlook::Unknown,
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

    /// Decides events in one batch, folds the changes in and checks what must always hold.
    pub(crate) fn batch(&mut self, events: &[Event]) -> (Changes, Vec<Effect>) {
        let known = (self.now, self.places.clone());
        let (changes, effects) = decide_with_places(&self.plan, &self.state, events, known);
        apply(&self.plan, &mut self.state, &changes);
        self.transitions.extend(changes.transitions.iter().cloned());
        self.decisions.extend(changes.decisions.iter().cloned());
        self.effects.extend(effects.iter().cloned());
        self.follow_queues(&changes);
        self.check(&changes, &effects);
        self.plan_again(&changes);
        self.check_edge_decisions();
        (changes, effects)
    }

    /// Loads the instance with another plan where the changes need one, and lets it continue, as its owner does.
    fn plan_again(&mut self, changes: &Changes) {
        let Some(plan) = next_plan(&self.plan, &self.state, changes) else {
            return;
        };
        self.state = Instance::load(&plan, self.state.rows.clone());
        self.plan = plan;
        self.batch(&[Event::Loaded]);
    }

    pub(crate) fn send(&mut self, event: Event) -> Vec<Effect> {
        self.batch(&[event]).1
    }

    /// No place is free from now on.
    pub(crate) fn fill_places(&mut self) {
        let reason = "waits for a place".to_owned();
        self.places = PlaceOutlook::Full { reason };
    }

    /// Does to a queued instance what an admission stores.
    pub(crate) fn admit(&mut self) {
        let record = &mut self.state.rows.record;
        record.state = InstanceState::Running;
        record.reason = None;
        record.queued_by = None;
        self.places = PlaceOutlook::Unknown;
        self.send(Event::Loaded);
    }

    pub(crate) fn command(&mut self, command: Command) -> OperationStatus {
        self.command_on(command, None)
    }

    pub(crate) fn force(&mut self, task_index: u32) -> OperationStatus {
        self.command_on(Command::ForceSuccess, Some(TaskIndex(task_index)))
    }

    pub(crate) fn command_on(&mut self, command: Command, task: Option<TaskIndex>) -> OperationStatus {
        let event = self.command_event(command, task);
        let (changes, _) = self.batch(&[event]);
        changes.decisions[0].status
    }

    pub(crate) fn command_event(&mut self, command: Command, task: Option<TaskIndex>) -> Event {
        self.operations += 1;
        Event::Command(Operation {
            id: OperationId(self.operations),
            command,
            run: self.state.record().run,
            task,
            requested_by: "ann".to_owned(),
            arguments: CommandArguments::default(),
        })
    }

    pub(crate) fn row(&self, task_index: u32) -> &crate::task::Task {
        self.state
            .task(TaskIndex(task_index))
            .expect("the task has a row")
    }

    pub(crate) fn uid(&self, task_index: u32) -> DispatchId {
        let attempt = self.row(task_index).attempt.as_ref().expect("it has an attempt");
        attempt.uid.expect("its attempt is bound")
    }

    pub(crate) fn grant(&mut self, task_index: u32) {
        let task_index = TaskIndex(task_index);
        self.send(Event::Report(TaskReport::SlotGranted {
            task_index,
            worker: worker(),
        }));
    }

    pub(crate) fn run(&mut self, task_index: u32) {
        self.grant(task_index);
        let (uid, at) = (self.uid(task_index), self.now);
        self.send(Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Started { pid: Some(1), at },
        }));
    }

    pub(crate) fn ended(&self, task_index: u32, result: AttemptResult) -> Event {
        Event::Report(TaskReport::Attempt {
            uid: self.uid(task_index),
            event: AttemptEvent::Ended(AttemptEnd {
                result,
                exit_code: Some(i32::from(result != AttemptResult::Succeeded)),
                ..AttemptEnd::succeeded(self.now)
            }),
        })
    }

    pub(crate) fn end(&mut self, task_index: u32, result: AttemptResult) -> Vec<Effect> {
        let event = self.ended(task_index, result);
        self.send(event)
    }

    pub(crate) fn succeed(&mut self, task_index: u32) {
        self.run(task_index);
        self.end(task_index, AttemptResult::Succeeded);
    }

    pub(crate) fn fail(&mut self, task_index: u32) {
        self.run(task_index);
        self.end(task_index, AttemptResult::Failed);
    }

    /// Lets time pass until something may be due.
    pub(crate) fn pass(&mut self, ms: i64) -> Vec<Effect> {
        self.now = self.now.plus(ms);
        self.send(Event::Due)
    }

    /// The instance's state and, by index, the tasks as readers see them.
    pub(crate) fn line(&self) -> String {
        let mut words = vec![self.state.record().state.to_string()];
        for task_index in crate::plan::task_indices(self.plan.nodes.len()) {
            words.push(self.shown(task_index).to_string());
        }
        words.join(" ")
    }

    pub(crate) fn shown(&self, task_index: TaskIndex) -> TaskState {
        let row = self
            .state
            .task(task_index)
            .map(|row| (row.state, row.reason.as_deref()));
        crate::view::display_state(&self.plan, self.state.record().state, task_index, row).state
    }

    pub(crate) fn history(&self) -> String {
        self.transitions.iter().map(|t| format!("{t}\n")).collect()
    }

    fn follow_queues(&mut self, changes: &Changes) {
        for change in &changes.limits {
            match change.phase {
                LimitPhase::Released => _ = self.queues.remove(&change.task_index),
                phase => _ = self.queues.insert(change.task_index, phase),
            }
        }
    }

    /// A row in a queue agrees with that of its task: what is bound holds, what waits in an open instance waits.
    fn check_queues(&self) {
        let is_idle = self.state.record().is_idle();
        for (task_index, row) in &self.state.rows.tasks {
            let definition = self.plan.definition.task(*task_index);
            let needs_none = |task: &TaskDefinition| {
                task.limits.is_empty() || self.plan.site_of(task) != ExecutionSite::Worker
            };
            if definition.is_none_or(needs_none) {
                continue;
            }
            let queued = self.queues.get(task_index);
            let said = format!("task {task_index} is {row}, in the queues as {queued:?}");
            let is_bound = row.open_attempt().is_some_and(|attempt| attempt.worker.is_some());
            match queued {
                Some(LimitPhase::Holding { attempt }) => {
                    assert!(is_bound && attempt.0 == row.attempts, "{said}");
                }
                Some(_) => assert!(row.state == TaskState::Waiting && !is_idle, "{said}"),
                None => assert!(
                    !is_bound && (row.state != TaskState::Waiting || is_idle),
                    "{said}"
                ),
            }
        }
    }

    /// What must hold after every batch, whatever happened.
    fn check(&self, changes: &Changes, effects: &[Effect]) {
        self.check_counters();
        self.check_rows();
        self.check_effects(effects);
        self.check_queues();
        let record = self.state.record();
        let idle = record.state.is_idle() || record.attention.is_some();
        assert_eq!(changes.releases_owner, idle, "idle says what the state says");
    }

    fn check_counters(&self) {
        assert_eq!(
            Instance::load(&self.plan, self.state.rows.clone()),
            self.state,
            "kept counters equal fresh ones"
        );
    }

    fn check_rows(&self) {
        let state = self.state.record().state;
        for (task_index, row) in &self.state.rows.tasks {
            let said = format!("task {task_index} is {row} in an instance that is {state}");
            let node = &self.plan.nodes[task_index.as_usize()];
            assert!(node.in_range, "{said}");
            assert!(!node.disabled || row.attempts == 0, "{said}");
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
            !waits || self.state.record().reason.is_some(),
            "no reason: {}",
            self.state
        );
    }

    /// What edges decide is stored at once, while nothing was killed by the end of the instance.
    fn check_edge_decisions(&self) {
        let state = self.state.record().state;
        let is_open = matches!(state, InstanceState::Running | InstanceState::Pausing);
        let was_killed = |row: &crate::task::Task| row.state == TaskState::Killed;
        let is_loaded = self.state.record().started_at.is_some();
        if !is_open || !is_loaded || self.state.rows.tasks.values().any(|row| was_killed(row)) {
            return;
        }
        for task_index in self.plan.order.iter().copied() {
            let row = self.state.task(task_index);
            let stored = row.map(|row| row.state);
            if self.plan.nodes[task_index.as_usize()].frozen {
                continue;
            }
            let tally = self.state.counters.tallies[task_index.as_usize()];
            let fate = self.plan.fate(task_index, row);
            let outcome = self.plan.outcome(task_index, fate, tally.edges.verdict());
            let expected = match outcome {
                Some(Outcome::Skipped) => TaskState::Skipped,
                Some(Outcome::NeverStarts) => TaskState::NotRun,
                Some(Outcome::Succeeded | Outcome::Chose(_) | Outcome::Failed | Outcome::FailedUnstarted)
                | None => continue,
            };
            assert_eq!(stored, Some(expected), "task {task_index} in {}", self.state);
        }
    }

    fn check_effects(&self, effects: &[Effect]) {
        let pending: BTreeSet<Effect> = pending_effects(&self.plan, &self.state).into_iter().collect();
        for effect in effects {
            let said_only = match effect {
                Effect::Ignore { .. } | Effect::Warn { .. } | Effect::CancelSlot { .. } | Effect::Release => {
                    true
                }
                Effect::RequestSlot { .. }
                | Effect::Dispatch { .. }
                | Effect::Kill { .. }
                | Effect::CompleteInline { .. }
                | Effect::Watch { .. }
                | Effect::WakeAt { .. } => false,
            };
            assert!(
                said_only || pending.contains(effect),
                "`{effect}` is not pending in {}",
                self.state
            );
        }
    }
}
