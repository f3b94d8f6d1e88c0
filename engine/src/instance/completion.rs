//! The rule that decides when an instance ends.

use std::collections::BTreeMap;

use super::draft::InstanceDraft;
use super::ending::end_suspended_attempts;
use super::reasons::failure_reason;
use super::when::decide_queued;
use crate::spec::model::{Direction, Param};
use crate::states::{InstanceState, KillCause};
use crate::task::TaskEvent;

/// Ends, pauses or continues the instance; total, so that no combination of states is stuck.
pub(super) fn check_completion(draft: &mut InstanceDraft<'_>) {
    if draft.record().attention.is_some() || draft.awaits_plan() {
        return;
    }
    let counts = draft.rows().counts();
    let is_success = counts.is_success();
    match draft.record().state {
        InstanceState::Running if draft.record().started_at.is_none() || counts.active > 0 => {}
        InstanceState::Running if counts.has_standing_failure() || draft.is_ending() => fail(draft),
        InstanceState::Running if is_success => end(draft, InstanceState::Succeeded, None),
        InstanceState::Running => decide_or_fail(draft),
        InstanceState::Pausing if draft.is_ending() => {
            if counts.active == 0 {
                fail(draft);
            }
        }
        InstanceState::Pausing if counts.active > counts.retrying => {}
        InstanceState::Pausing if draft.rows().has_failure_in_pause() => fail_while_pausing(draft),
        InstanceState::Pausing if is_success => end(draft, InstanceState::Succeeded, None),
        InstanceState::Pausing => enter_paused(draft),
        InstanceState::Stopping if counts.active > 0 => {}
        InstanceState::Stopping if is_success => end(draft, InstanceState::Succeeded, None),
        InstanceState::Stopping => end(draft, InstanceState::Stopped, Some("stopped".to_owned())),
        InstanceState::Queued
        | InstanceState::Paused
        | InstanceState::Stopped
        | InstanceState::Failed
        | InstanceState::Succeeded => {}
    }
}

/// Does what edges decide; an instance in which nothing can start has failed.
fn decide_or_fail(draft: &mut InstanceDraft<'_>) {
    draft.decide_pending_tasks();
    decide_queued(draft);
    let counts = draft.rows().counts();
    match counts.active {
        0 if counts.is_success() => end(draft, InstanceState::Succeeded, None),
        0 => fail(draft),
        _ => {}
    }
}

/// Ends what a pause suspended in the owner before the instance fails; children have to confirm that.
fn fail_while_pausing(draft: &mut InstanceDraft<'_>) {
    let reason = format!("the instance ends: {}", failure_reason(draft));
    end_suspended_attempts(draft, KillCause::Strategy, &reason);
    let counts = draft.rows().counts();
    if counts.active == counts.retrying {
        fail(draft);
    }
}

fn fail(draft: &mut InstanceDraft<'_>) {
    let reason = failure_reason(draft);
    if draft.rows().counts().retrying > 0 {
        for task_index in draft.rows().active() {
            draft.step_task(task_index, TaskEvent::Abandon);
        }
    }
    end(draft, InstanceState::Failed, Some(reason));
}

/// Moves the instance into a final state.
pub(super) fn end(draft: &mut InstanceDraft<'_>, state: InstanceState, reason: Option<String>) {
    for task_index in draft.rows().idle_attempts() {
        let reason = format!("the instance is {state}");
        let cause = KillCause::Stop;
        draft.step_task(task_index, TaskEvent::End { cause, reason });
    }
    let success = match draft.rows().counts().unsuccessful {
        0 => "every task succeeded",
        _ => "every failure was handled",
    };
    draft.set_state(state, reason.as_deref().unwrap_or(success));
    let (at, outputs) = (draft.at(), outputs(draft));
    let record = draft.record_mut();
    record.reason = reason;
    record.queued_by = None;
    record.stop_clock();
    record.ended_at = Some(at);
    record.outputs = outputs;
}

fn enter_paused(draft: &mut InstanceDraft<'_>) {
    draft.set_state(InstanceState::Paused, "nothing runs any more");
    let at = draft.at();
    let record = draft.record_mut();
    record.reason = Some("paused".to_owned());
    record.pause_clock(at);
}

/// Fills the declared outputs from the tasks, in the order of the graph; the last one wins.
fn outputs(draft: &InstanceDraft<'_>) -> BTreeMap<String, String> {
    let params = draft.plan().definition.params.iter();
    let declared: Vec<&Param> = params.filter(|param| param.direction == Direction::Out).collect();
    if declared.is_empty() {
        return BTreeMap::new();
    }
    let mut outputs: BTreeMap<String, String> = declared
        .iter()
        .filter_map(|param| Some((param.name.clone(), param.value.clone()?)))
        .collect();
    let plan = draft.plan();
    for task_index in plan.order.iter().copied() {
        let Some(row) = draft.rows().get(task_index) else {
            continue;
        };
        for (name, value) in plan.declared_outputs(task_index, &row.outputs) {
            if declared.iter().any(|param| param.name == *name) {
                outputs.insert(name.clone(), value.clone());
            }
        }
    }
    outputs
}
