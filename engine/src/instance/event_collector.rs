//! The events of one batch that rules of alerts may name.

use super::changes::{RaisedEvent, Transition};
use super::record::InstanceRecord;
use super::row_overlay::RowOverlay;
use crate::alert::event::AlertEvent;
use crate::ids::TaskIndex;
use crate::plan::Plan;
use crate::states::{InstanceState, TaskState};
use crate::task::Task;
use crate::task_type::WatchKind;

/// Collects what only the step knows; all other events follow from the transitions of the batch.
#[derive(Default)]
pub(super) struct EventCollector {
    raised: Vec<RaisedEvent>,
}

impl EventCollector {
    /// The time limit of the instance has passed.
    pub(super) fn time_out_instance(&mut self, text: &str) {
        self.raised.push(RaisedEvent {
            event: AlertEvent::TimedOut,
            task_index: None,
            attempt: None,
            reason: Some(text.to_owned()),
        });
    }

    /// The time limit of the latest attempt of a task has passed. An attempt that is warned about and then killed raises
    /// this twice, and is one alert all the same.
    pub(super) fn time_out_task(&mut self, task_index: TaskIndex, task: Option<&Task>, text: &str) {
        let attempt = task.and_then(|task| task.attempt.as_ref());
        self.raised.push(RaisedEvent {
            event: AlertEvent::TimedOut,
            task_index: Some(task_index),
            attempt: attempt.map(|attempt| attempt.number),
            reason: Some(text.to_owned()),
        });
    }

    /// Returns the events of the batch. A dry run has none unless its start has rules of its own.
    pub(super) fn finish(
        self,
        plan: &Plan,
        (stored, record): (&InstanceRecord, &InstanceRecord),
        rows: &RowOverlay<'_>,
        transitions: &[Transition],
    ) -> Vec<RaisedEvent> {
        if plan.start.dry_run && plan.start.notify.is_none() {
            return Vec::new();
        }
        let attention = record.attention.as_ref().filter(|_| stored.attention.is_none());
        let attention = attention.map(|attention| RaisedEvent {
            event: AlertEvent::Attention,
            task_index: None,
            attempt: None,
            reason: Some(attention.detail.clone()),
        });
        let changes = transitions.iter().filter_map(|step| {
            let event = match step.task_index {
                None => instance_event(step)?,
                Some(task_index) => task_event(plan, rows, task_index, step)?,
            };
            let is_instance = step.task_index.is_none();
            let reason = record.reason.clone().filter(|_| is_instance);
            Some(RaisedEvent {
                event,
                task_index: step.task_index,
                attempt: step.attempt,
                reason: reason.or_else(|| Some(step.why.clone()).filter(|why| !why.is_empty())),
            })
        });
        self.raised.into_iter().chain(changes).chain(attention).collect()
    }
}

fn instance_event(step: &Transition) -> Option<AlertEvent> {
    if step.from == Some(step.to) {
        return None;
    }
    let ends = [
        (InstanceState::Succeeded, AlertEvent::Succeeded),
        (InstanceState::Failed, AlertEvent::Failed),
        (InstanceState::Stopped, AlertEvent::Stopped),
    ];
    let end = ends.iter().find(|(state, _)| state.as_str() == step.to);
    end.map(|(_, event)| *event)
}

fn task_event(
    plan: &Plan,
    rows: &RowOverlay<'_>,
    task_index: TaskIndex,
    step: &Transition,
) -> Option<AlertEvent> {
    if step.from == Some(step.to) {
        return None;
    }
    let enters = |state: TaskState| step.to == state.as_str();
    if enters(TaskState::Failed) {
        return Some(AlertEvent::TaskFailed);
    }
    if enters(TaskState::WaitingRetry) {
        return Some(AlertEvent::TaskRetrying);
    }
    let waits = enters(TaskState::Running) && rows.state_of(task_index) == TaskState::Running;
    let task = plan.task(task_index).filter(|_| waits)?;
    let is_approval = plan.site_of(task).watch_kind() == Some(WatchKind::Approval);
    is_approval.then_some(AlertEvent::ApprovalWaiting)
}
