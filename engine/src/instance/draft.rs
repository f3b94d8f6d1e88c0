//! The working copy of an instance on which the events of one batch act.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::changes::{Changes, OperationDecision, Reset};
use super::edge_reasons::{never_start_reason, skip_reason};
use super::effect::Effect;
use super::effect_requests::EffectRequests;
use super::event_collector::EventCollector;
use super::history::History;
use super::limit_rows::{LimitRequests, RoomWait};
use super::record::InstanceRecord;
use super::row_overlay::RowOverlay;
use super::state::Instance;
use crate::ids::{TaskIndex, Timestamp};
use crate::overrides::TaskOverrides;
use crate::place::{PlaceOutlook, PlaceRequest};
use crate::plan::trigger_rule::Verdict;
use crate::plan::{DISABLED_REASON, Plan};
use crate::start::Start;
use crate::states::{FailureStrategy, InstanceState, TaskState};
use crate::task::{self, Attempt, InstanceMode, StepContext, Task, TaskEffect, TaskEvent, TaskReport};

mod limits;
mod places;
mod warnings;

/// Steps tasks, moves the instance's own row and collects what must be stored and done. It decides nothing about
/// commands or about the end of the instance.
pub(super) struct InstanceDraft<'a> {
    plan: &'a Plan,
    stored: &'a Instance,
    at: Timestamp,
    record: InstanceRecord,
    rows: RowOverlay<'a>,
    history: History,
    events: EventCollector,
    requests: EffectRequests,
    limit_requests: LimitRequests,
    closed: Vec<(TaskIndex, Attempt)>,
    places: PlaceOutlook,
    place: Option<PlaceRequest>,
    /// Tasks about which the owner decides in this event, by rank.
    undecided: BTreeSet<(u32, TaskIndex)>,
    /// The choices of the start as a command of this batch changed them.
    start: Option<Arc<Start>>,
}

impl<'a> InstanceDraft<'a> {
    /// Begins with the stored state at a time.
    pub(super) fn new(plan: &'a Plan, stored: &'a Instance, at: Timestamp) -> Self {
        Self {
            plan,
            stored,
            at,
            record: stored.record().clone(),
            rows: RowOverlay::new(plan, stored),
            history: History::default(),
            events: EventCollector::default(),
            requests: EffectRequests::default(),
            limit_requests: LimitRequests::default(),
            closed: Vec::new(),
            places: PlaceOutlook::default(),
            place: None,
            undecided: BTreeSet::new(),
            start: None,
        }
    }

    /// Returns what the instance runs.
    pub(super) fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// Returns the instance as it was when the batch began.
    pub(super) fn stored(&self) -> &'a Instance {
        self.stored
    }

    /// Returns the time of the batch.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the instance's own row.
    pub(super) fn record(&self) -> &InstanceRecord {
        &self.record
    }

    /// Returns the instance's own row, to change it.
    pub(super) fn record_mut(&mut self) -> &mut InstanceRecord {
        &mut self.record
    }

    /// Returns the task rows.
    pub(super) fn rows(&self) -> &RowOverlay<'a> {
        &self.rows
    }

    /// Returns the task rows, to change what moves no task.
    pub(super) fn rows_mut(&mut self) -> &mut RowOverlay<'a> {
        &mut self.rows
    }

    /// Returns the requested effects.
    pub(super) fn requests(&self) -> &EffectRequests {
        &self.requests
    }

    /// Returns the requested effects, to add to them.
    pub(super) fn requests_mut(&mut self) -> &mut EffectRequests {
        &mut self.requests
    }

    /// Moves the instance's own state.
    pub(super) fn set_state(&mut self, state: InstanceState, why: &str) {
        self.record.state = state;
        self.history.explain_instance(why);
    }

    /// Has a transition recorded for the instance although its state stays.
    pub(super) fn note_instance(&mut self, why: impl Into<String>) {
        self.history.note_instance(why);
    }

    /// Emits why an event changed nothing.
    pub(super) fn ignore(&mut self, reason: String) {
        self.requests.ignore(reason);
    }

    /// Whether running attempts are killed and the instance will be `failed`.
    pub(super) fn is_ending(&self) -> bool {
        let is_open = matches!(self.record.state, InstanceState::Running | InstanceState::Pausing);
        let by_failure = self.plan.start.failure_strategy == FailureStrategy::End
            && self.rows.has_standing_failure_of_run();
        let by_time = self.record.timed_out && self.plan.definition.on_timeout.fails();
        is_open && (by_failure || by_time)
    }

    fn mode(&self) -> InstanceMode {
        match self.record.state {
            InstanceState::Running | InstanceState::Pausing if self.is_ending() => InstanceMode::Ending,
            InstanceState::Running => InstanceMode::Open,
            InstanceState::Queued | InstanceState::Pausing | InstanceState::Paused => InstanceMode::Pausing,
            InstanceState::Stopping
            | InstanceState::Stopped
            | InstanceState::Failed
            | InstanceState::Succeeded => InstanceMode::Ending,
        }
    }

    /// Returns the choices of the start.
    pub(super) fn start(&self) -> &Start {
        self.start.as_ref().unwrap_or(&self.plan.start)
    }

    /// Replaces the choices of the start.
    pub(super) fn set_start(&mut self, start: Start) {
        self.start = Some(Arc::new(start));
    }

    /// Whether the run is about other tasks than the plan says: it begins, or is over.
    pub(super) fn has_other_range(&self) -> bool {
        self.record.planned_range() != self.plan.run_range
    }

    /// Whether the plan no longer fits: nothing is decided about tasks before the next batch, which has another one.
    pub(super) fn awaits_plan(&self) -> bool {
        self.start.is_some() || self.has_other_range()
    }

    /// Continues a running instance: its clock runs, everything ready starts.
    pub(super) fn continue_running(&mut self) {
        if self.record.state != InstanceState::Running {
            return;
        }
        let limit_ms = self.plan.definition.timeout_ms;
        let stands = limit_ms.is_some() && self.record.due_at.is_none() && !self.record.timed_out;
        if self.record.started_at.is_none() || stands {
            self.record.started_at.get_or_insert(self.at);
            self.start_clock();
        }
        self.decide_pending_tasks();
    }

    /// Starts the time limit of a run.
    pub(super) fn start_clock(&mut self) {
        let limit_ms = self.plan.definition.timeout_ms;
        self.record.start_clock(self.at, limit_ms);
    }

    /// Does with every pending task what its edges decide: O(tasks), for commands and loading only.
    pub(super) fn decide_pending_tasks(&mut self) {
        let plan = self.plan;
        for task_index in plan.order.iter().copied() {
            self.decide_task(task_index, self.rows.verdict_of(task_index));
        }
    }

    /// Does with a task what its edges decide, unless it is decided already. A final instance decides nothing.
    fn decide_task(&mut self, task_index: TaskIndex, verdict: Verdict) {
        let is_pending = self.rows.state_of(task_index) == TaskState::Pending;
        let node = &self.plan.nodes[task_index.as_usize()];
        if !is_pending || node.frozen || self.record.state.is_final() || self.awaits_plan() {
            return;
        }
        let is_disabled = node.disabled;
        let is_open = self.mode() == InstanceMode::Open;
        match verdict {
            Verdict::Starts if (is_open || is_disabled) && self.asks_when(task_index) => {
                self.queue_decision(task_index);
            }
            Verdict::Undecided => {}
            Verdict::Starts if is_disabled => self.pass_task(task_index),
            Verdict::Starts if is_open => self.step_task(task_index, TaskEvent::Ready),
            Verdict::Starts => {}
            Verdict::Skipped => {
                let reason = skip_reason(self.plan, &self.rows, task_index);
                self.step_task(task_index, TaskEvent::Skip { reason });
            }
            Verdict::NeverStarts => {
                let reason = never_start_reason(self.plan, &self.rows, task_index);
                self.step_task(task_index, TaskEvent::NeverStart { reason });
            }
        }
    }

    /// Passes a disabled task, which counts as succeeded from then on.
    pub(super) fn pass_task(&mut self, task_index: TaskIndex) {
        let reason = DISABLED_REASON.to_owned();
        self.step_task(task_index, TaskEvent::NeverStart { reason });
    }

    /// Whether the `when` of a task is asked before it starts: not for retries, and not for what continues after a pause.
    fn asks_when(&self, task_index: TaskIndex) -> bool {
        let has_started = |row: &Task| row.attempts > row.attempts_before_run;
        self.plan.nodes[task_index.as_usize()].has_when && !self.rows.get(task_index).is_some_and(has_started)
    }

    fn queue_decision(&mut self, task_index: TaskIndex) {
        let rank = self.plan.rank(task_index);
        self.undecided.insert((rank, task_index));
    }

    /// Takes the next task about which the owner decides itself, predecessors first.
    pub(super) fn pop_undecided(&mut self) -> Option<TaskIndex> {
        Some(self.undecided.pop_first()?.1)
    }

    /// Steps one task and takes in what it requests.
    pub(super) fn step_task(&mut self, task_index: TaskIndex, event: TaskEvent) {
        let concerns_disabled_tasks = matches!(
            event,
            TaskEvent::Skip { .. } | TaskEvent::NeverStart { .. } | TaskEvent::CannotStart { .. }
        );
        let definition = if concerns_disabled_tasks {
            self.plan.definition.task(task_index)
        } else {
            self.plan.task(task_index)
        };
        let Some(definition) = definition else {
            return self.ignore(format!(
                "{event}: task {task_index} is not included in this instance"
            ));
        };
        let row = self.rows.get(task_index).cloned().unwrap_or_else(Task::unstarted);
        let definition = &*TaskOverrides::amend(row.overrides.as_deref(), definition);
        if self.record.attention.is_some()
            && matches!(event, TaskEvent::Report(TaskReport::SlotGranted { .. }))
        {
            self.requests.cancel_slot(task_index);
            return self.ignore(format!("{event}: the instance needs a person"));
        }
        let rows = &self.stored.rows;
        let context = StepContext {
            task: definition,
            site: self.plan.site_of(definition),
            delay_ms: self.plan.delay_of(definition),
            retry: self.plan.retry_of(definition),
            timeout_ms: self.plan.timeout_of(definition),
            worker_group: self.plan.worker_group_of(definition),
            limits: self.limits_of(definition),
            mode: self.mode(),
            at: self.at,
            epoch: rows.epoch,
            generation: rows.generation,
            instance: rows.id,
            task_index,
        };
        let step = task::step(&context, row, event);
        for effect in step.effects {
            self.take_effect(task_index, effect);
        }
        if let Some(why) = step.why {
            self.put_row(task_index, step.task, &why);
        }
    }

    fn take_effect(&mut self, task_index: TaskIndex, effect: TaskEffect) {
        match effect {
            TaskEffect::RequestSlot => self.requests.request_slot(task_index),
            TaskEffect::RequestRoom => self.limit_requests.record_wait(task_index, RoomWait::ForRoom),
            TaskEffect::AwaitWorker => self.limit_requests.record_wait(task_index, RoomWait::ForWorker),
            TaskEffect::CancelSlot => self.requests.cancel_slot(task_index),
            TaskEffect::CompleteInline => self.requests.complete_inline(task_index),
            TaskEffect::Open => self.queue_decision(task_index),
            TaskEffect::Watch => self.requests.watch(task_index),
            TaskEffect::Kill => self.requests.kill(task_index),
            TaskEffect::Warn(text) => {
                self.history.note_task(task_index);
                self.events
                    .time_out_task(task_index, self.rows.get(task_index), &text);
                self.requests.warn(Some(task_index), text);
            }
            TaskEffect::TimedOut(text) => {
                self.events
                    .time_out_task(task_index, self.rows.get(task_index), &text);
            }
            TaskEffect::Close(attempt) => {
                let stored = self.rows.stored(task_index);
                if stored.and_then(|row| row.attempt.as_ref()) != Some(&attempt) {
                    self.closed.push((task_index, attempt));
                }
            }
            TaskEffect::Ignore(reason) => {
                let name = self.plan.task(task_index).map_or("?", |task| task.name.as_str());
                self.requests.ignore(format!("{name}: {reason}"));
            }
        }
    }

    /// Puts a changed row in place, and does with other tasks what their edges decide by that.
    fn put_row(&mut self, task_index: TaskIndex, task: Task, why: &str) {
        let (from, to) = (self.rows.state_of(task_index), task.state);
        let was_never_ready = task.attempts == 0 && self.rows.base(task_index).is_none();
        if was_never_ready && from != TaskState::Pending && to == TaskState::NotRun {
            self.rows.forget(task_index, to);
            self.history.forget_task(task_index);
            return;
        }
        if from != TaskState::Pending || !task.has_no_history() {
            self.history.explain_task(task_index, (from, to), why);
        }
        // What the end of its instance kills is not settled: the next run decides about it.
        let settles = to != TaskState::Killed || self.mode() != InstanceMode::Ending;
        let decided = self.rows.put_row(task_index, task);
        for (task_index, verdict) in decided.into_iter().filter(|_| settles) {
            self.decide_task(task_index, verdict);
        }
    }

    /// Records the transitions so far, so that later ones of this batch follow them.
    pub(super) fn record_history(&mut self) {
        let stored = self.stored.record();
        self.history.record(self.plan, stored, &self.record, &self.rows);
    }

    /// Resets task rows.
    pub(super) fn reset_tasks(&mut self, reset: Reset, why: &str) {
        let left = self.rows.reset(reset);
        self.history.clear_tasks(left, why);
    }

    /// Returns what must be committed, and what is to be done after that.
    pub(super) fn finish(mut self, decisions: Vec<OperationDecision>) -> (Changes, Vec<Effect>) {
        self.record_history();
        let limits = self.limit_changes();
        let effects = self.requests.into_effects(&self.rows, &self.record, self.stored);
        let releases_owner = self.record.is_idle();
        let is_final = self.record.state.is_final();
        let transitions = self.history.into_transitions();
        let stored = self.stored.record();
        let events = self
            .events
            .finish(self.plan, (stored, &self.record), &self.rows, &transitions);
        let (reset, tasks) = self.rows.into_changes();
        let changes = Changes {
            record: (self.record != *self.stored.record()).then_some(self.record),
            start: self.start,
            reset,
            closed: self.closed,
            tasks,
            limits,
            transitions,
            events,
            decisions,
            place: self.place.filter(|_| !is_final),
            releases_owner,
        };
        (changes, effects)
    }
}
