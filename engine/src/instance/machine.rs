//! The step function of an instance.

use super::changes::{Changes, OperationDecision};
use super::commands::decide_operation;
use super::completion::check_completion;
use super::draft::InstanceDraft;
use super::effect::Effect;
use super::ending::end_active_tasks;
use super::event::{Event, Operation};
use super::reasons::{failure_reason, set_reason};
use super::state::Instance;
use super::timers::{fire_due, move_due_times};
use super::when::decide_queued;
use crate::ids::{TaskIndex, Timestamp};
use crate::limits::ProjectCap;
use crate::place::PlaceOutlook;
use crate::plan::Plan;
use crate::states::{Attention, KillCause, Priority};
use crate::task::{TaskEvent, Wait};

/// A task that needs a slot, as the slot table sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotDemand {
    /// The task.
    pub task_index: TaskIndex,
    /// Whose slots.
    pub group: String,
    /// How urgent its instance is.
    pub instance_priority: Priority,
    /// How urgent it is within its instance.
    pub task_priority: Priority,
    /// Since when it could run.
    pub ready_at: Timestamp,
}

/// Events that are decided together; costs only what they touch.
pub struct StepBatch<'a> {
    draft: InstanceDraft<'a>,
    decisions: Vec<OperationDecision>,
}

impl<'a> StepBatch<'a> {
    /// Begins a batch at a time.
    pub fn new(plan: &'a Plan, instance: &'a Instance, at: Timestamp) -> Self {
        Self {
            draft: InstanceDraft::new(plan, instance, at),
            decisions: Vec::new(),
        }
    }

    /// Decides the next run by what is known of the places.
    pub fn with_places(mut self, places: PlaceOutlook) -> Self {
        self.draft.set_places(places);
        self
    }

    /// Says whether the attempts of its project are counted; they are not unless this says so.
    #[must_use]
    pub fn with_project_cap(mut self, cap: ProjectCap) -> Self {
        self.draft.set_project_cap(cap);
        self
    }

    /// Whether a task takes slots of limits together with a slot of a worker.
    pub fn has_limits(&self, task_index: TaskIndex) -> bool {
        let task = self.draft.plan().definition.task(task_index);
        task.is_some_and(|task| !self.draft.limits_of(task).is_empty())
    }

    /// Decides one event.
    pub fn step(&mut self, event: Event) {
        let draft = &mut self.draft;
        let was_ending = draft.is_ending();
        match event {
            Event::Loaded => load(draft),
            Event::Command(operation) => self.decide(&operation),
            Event::Report(report) => draft.step_task(report.task_index(), TaskEvent::Report(report)),
            Event::Warning { uid, text } => draft.warn_about(uid, &text),
            Event::Due => fire_due(draft),
            Event::ClockStepped { by_ms } => move_due_times(draft, by_ms),
            Event::Quarantine { attention } => quarantine(draft, attention),
        }
        let draft = &mut self.draft;
        decide_queued(draft);
        if draft.is_ending() && !was_ending {
            let reason = format!("the instance ends: {}", failure_reason(draft));
            end_active_tasks(draft, KillCause::Strategy, &reason);
        }
        check_completion(draft);
    }

    fn decide(&mut self, operation: &Operation) {
        let id = operation.id;
        if self.decisions.iter().any(|decision| decision.operation == id) {
            return self.draft.ignore(format!("operation {id} is decided already"));
        }
        let decision = decide_operation(&mut self.draft, operation);
        self.decisions.push(decision);
    }

    /// Lists the tasks that need a slot and have not requested one before, most urgent first.
    pub fn slot_demands(&self) -> Vec<SlotDemand> {
        if self.draft.record().is_idle() {
            return Vec::new();
        }
        let requested = self.draft.requests().slots();
        let mut demands: Vec<SlotDemand> = requested.filter_map(|o| self.slot_demand(o)).collect();
        demands.sort_by_key(|demand| (demand.task_priority, demand.ready_at, demand.task_index));
        demands
    }

    fn slot_demand(&self, task_index: TaskIndex) -> Option<SlotDemand> {
        let (plan, rows) = (self.draft.plan(), self.draft.rows());
        let row = rows
            .get(task_index)
            .filter(|row| row.wait() == Some(Wait::Slot))?;
        let task = plan.task(task_index)?;
        let waited_before = rows
            .stored(task_index)
            .is_some_and(|stored| stored.wait() == row.wait());
        Some(SlotDemand {
            task_index,
            group: plan.worker_group_of(task).to_owned(),
            instance_priority: plan.start.priority,
            task_priority: plan.priority_of(task),
            ready_at: if waited_before {
                self.draft.stored().rows.created_at
            } else {
                self.draft.at()
            },
        })
    }

    /// Ends the batch: what must be committed, and what is to be done after that.
    pub fn finish(mut self) -> (Changes, Vec<Effect>) {
        set_reason(&mut self.draft);
        self.draft.finish(self.decisions)
    }
}

/// Starts whatever may start, and requests again what waits.
fn load(draft: &mut InstanceDraft<'_>) {
    if draft.record().is_idle() {
        return;
    }
    draft.continue_running();
    draft.requests_mut().wake();
    draft.request_waiting_starts();
}

fn quarantine(draft: &mut InstanceDraft<'_>, attention: Attention) {
    if draft.record().is_idle() {
        return draft.ignore(format!("it is idle already ({})", draft.record().state));
    }
    draft.note_instance(format!("needs a person: {}", attention.detail));
    draft.record_mut().attention = Some(attention);
}
