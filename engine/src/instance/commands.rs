//! The effect of commands on an instance.

use super::changes::{OperationDecision, Reset};
use super::completion;
use super::draft::InstanceDraft;
use super::event::Operation;
use super::next_run::{killed_tasks, recovered_tasks, resumed_tasks};
use crate::ids::TaskIndex;
use crate::states::{Command, InstanceState, KillCause, OperationStatus, TaskState};
use crate::task::TaskEvent;

/// Decides an operation: applied, or refused with the state and what is possible.
pub(super) fn decide_operation(draft: &mut InstanceDraft<'_>, operation: Operation) -> OperationDecision {
    let refusal = refusal_of(draft, operation);
    if refusal.is_none() {
        if draft.record_mut().attention.take().is_some() {
            draft.requests_mut().request_all();
        }
        run_command(draft, operation);
    }
    OperationDecision {
        operation: operation.id,
        status: match refusal {
            Some(_) => OperationStatus::Refused,
            None => OperationStatus::Applied,
        },
        detail: refusal,
    }
}

fn refusal_of(draft: &InstanceDraft<'_>, operation: Operation) -> Option<String> {
    let record = draft.record();
    let command = operation.command;
    if operation.run != record.run {
        return Some(format!(
            "{command} was asked for run {}; the instance is {} in run {}",
            operation.run, record.state, record.run
        ));
    }
    let attention = record.attention.as_ref();
    if !command.applies_in(record.state, attention) {
        let possible: Vec<&str> = Command::possible_in(record.state, attention)
            .into_iter()
            .map(Command::as_str)
            .collect();
        return Some(format!(
            "the instance is {}; possible: {}",
            record.state,
            possible.join(", ")
        ));
    }
    match command {
        Command::ForceSuccess => force_refusal(draft, operation.task),
        Command::Pause | Command::Resume | Command::Stop | Command::Recover | Command::Rerun => None,
    }
}

fn force_refusal(draft: &InstanceDraft<'_>, task: Option<TaskIndex>) -> Option<String> {
    let Some(task_index) = task else {
        return Some("no such task in this version of the workflow".to_owned());
    };
    let Some(task) = draft.plan().task(task_index) else {
        return Some("the task is not included in this instance".to_owned());
    };
    let state = draft.rows().state_of(task_index);
    let can_be_forced = matches!(
        state,
        TaskState::Pending | TaskState::Failed | TaskState::Killed | TaskState::NotRun
    );
    let refused = format!(
        "task `{}` is {state}; only failed, killed and not_run tasks can be forced",
        task.name
    );
    (!can_be_forced).then_some(refused)
}

fn run_command(draft: &mut InstanceDraft<'_>, operation: Operation) {
    match operation.command {
        Command::Pause => pause(draft),
        Command::Stop => stop(draft),
        Command::Resume => resume(draft),
        Command::Recover => {
            let tasks = recovered_tasks(draft.plan(), draft.rows());
            begin_next_run(draft, Reset::NextRun(tasks), "recovered");
        }
        Command::Rerun => begin_next_run(draft, Reset::All, "run again"),
        Command::ForceSuccess => force_success(draft, operation.task),
    }
}

fn pause(draft: &mut InstanceDraft<'_>) {
    if draft.record().state == InstanceState::Pausing {
        return;
    }
    draft.set_state(InstanceState::Pausing, "pause was asked for");
    for task_index in draft.rows().active() {
        let can_be_suspended = match draft.rows().state_of(task_index) {
            TaskState::Delayed | TaskState::Waiting | TaskState::WaitingRetry => true,
            TaskState::Running => draft.waits_in_owner(task_index),
            TaskState::Pending
            | TaskState::Dispatched
            | TaskState::Succeeded
            | TaskState::ForcedSuccess
            | TaskState::Failed
            | TaskState::Killed
            | TaskState::Skipped
            | TaskState::NotRun => false,
        };
        if can_be_suspended && !draft.is_ending() {
            draft.step_task(task_index, TaskEvent::Suspend);
        }
    }
}

fn stop(draft: &mut InstanceDraft<'_>) {
    if draft.record().state != InstanceState::Stopping {
        draft.set_state(InstanceState::Stopping, "stop was asked for");
    }
    draft.record_mut().stop_clock();
    for task_index in draft.rows().suspended() {
        let (cause, reason) = (KillCause::Stop, "stopped".to_owned());
        draft.step_task(task_index, TaskEvent::End { cause, reason });
    }
    draft.end_active_tasks(KillCause::Stop, "stopped");
}

fn resume(draft: &mut InstanceDraft<'_>) {
    match draft.record().state {
        InstanceState::Stopped => {
            let tasks = resumed_tasks(draft.plan(), draft.rows());
            begin_next_run(draft, Reset::NextRun(tasks), "resumed");
        }
        InstanceState::Paused => resume_from_pause(draft),
        InstanceState::Queued
        | InstanceState::Running
        | InstanceState::Pausing
        | InstanceState::Stopping
        | InstanceState::Failed
        | InstanceState::Succeeded => {
            draft.note_instance("resumed by a person");
            draft.continue_running();
        }
    }
}

fn resume_from_pause(draft: &mut InstanceDraft<'_>) {
    draft.record_history();
    draft.set_state(InstanceState::Running, "resumed");
    let at = draft.at();
    draft.record_mut().resume_clock(at);
    let suspended = draft.rows().suspended();
    let killed = killed_tasks(draft.plan(), draft.rows());
    draft.reset_tasks(Reset::Continue(suspended));
    if !killed.is_empty() {
        draft.reset_tasks(Reset::NextRun(killed));
    }
    for task_index in draft.rows().active() {
        draft.step_task(task_index, TaskEvent::Resumed);
    }
    draft.continue_running();
}

fn begin_next_run(draft: &mut InstanceDraft<'_>, reset: Reset, why: &str) {
    draft.record_history();
    let at = draft.at();
    draft.record_mut().begin_run(at);
    draft.set_state(InstanceState::Running, why);
    draft.start_clock();
    draft.reset_tasks(reset);
    draft.continue_running();
}

/// Declares a task a success; its final instance succeeds when nothing stands against it any more.
fn force_success(draft: &mut InstanceDraft<'_>, task: Option<TaskIndex>) {
    let Some(task_index) = task else { return };
    draft.step_task(task_index, TaskEvent::Force);
    if draft.rows().counts().is_success() {
        let ended_at = draft.record().ended_at;
        completion::end(draft, InstanceState::Succeeded, None);
        let record = draft.record_mut();
        record.ended_at = ended_at.or(record.ended_at);
    }
}
