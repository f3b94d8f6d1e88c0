//! The effect of commands on an instance.

use std::collections::BTreeSet;

use super::changes::{OperationDecision, Reset};
use super::completion;
use super::draft::InstanceDraft;
use super::ending::{end_active_tasks, waits_in_owner};
use super::event::Operation;
use super::next_run::{closed_followers, killed_tasks, run_range, tasks_decided_again, with_rows};
use super::refusal::refusal_of;
use crate::ids::TaskIndex;
use crate::place::{PlaceOutlook, PlaceRequest};
use crate::plan::run_range::RunRange;
use crate::start::Start;
use crate::states::{Command, InstanceState, KillCause, OperationStatus, OwnershipReason, TaskState};
use crate::task::{ApprovalDecision, ApprovalVerdict, Observation, Task, TaskEvent, TaskReport};

/// Decides an operation: applied, or refused with the state and what is possible.
pub(super) fn decide_operation(draft: &mut InstanceDraft<'_>, operation: &Operation) -> OperationDecision {
    let refusal = refusal_of(draft, operation);
    if refusal.is_none() {
        let ends_attention =
            operation.command.ends_attention() && draft.record_mut().attention.take().is_some();
        if ends_attention {
            draft.requests_mut().request_all();
        }
        run_command(draft, operation);
        if ends_attention {
            // They left the queues of their limits when the instance began to need a person.
            draft.request_waiting_starts();
        }
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

fn run_command(draft: &mut InstanceDraft<'_>, operation: &Operation) {
    let by = &operation.requested_by;
    match operation.command {
        Command::Pause => pause(draft),
        Command::Stop => stop(draft),
        Command::Resume => resume(draft, operation),
        Command::Recover => begin_next_run(draft, operation, "recovered"),
        Command::Rerun => rerun(draft, operation),
        Command::ForceSuccess => {
            force_success(draft, operation.task, "declared a success by a person".to_owned());
        }
        Command::KillTask => kill_task(draft, operation.task, format!("killed by {by}")),
        Command::SkipTask => skip_task(draft, operation.task, format!("skipped by {by}")),
        Command::RunTask => begin_next_run(draft, operation, &format!("a task was run by {by}")),
        Command::RetryTask => retry_task(draft, operation),
        Command::Priority => set_priority(draft, operation),
        Command::Approve | Command::Reject => decide_approval(draft, operation),
    }
}

/// Gives the decision of a person to the attempt that waits for it.
fn decide_approval(draft: &mut InstanceDraft<'_>, operation: &Operation) {
    let Some(task_index) = operation.task else { return };
    let attempt = draft.rows().get(task_index).and_then(Task::open_attempt);
    let Some(attempt) = attempt.map(|attempt| attempt.number) else {
        return;
    };
    let verdict = if operation.command == Command::Approve {
        ApprovalVerdict::Approved(operation.arguments.answers.clone())
    } else {
        ApprovalVerdict::Rejected
    };
    let decision = ApprovalDecision {
        verdict,
        by: operation.requested_by.clone(),
        comment: operation.arguments.comment.clone(),
    };
    let report = TaskReport::Observed {
        task_index,
        attempt,
        observation: Observation::Approval(decision),
    };
    draft.step_task(task_index, TaskEvent::Report(report));
}

fn pause(draft: &mut InstanceDraft<'_>) {
    if draft.record().state == InstanceState::Pausing {
        return;
    }
    if draft.record().state == InstanceState::Queued {
        draft.set_state(InstanceState::Paused, "paused while queued");
        draft.record_mut().reason = Some("paused while queued".to_owned());
        return;
    }
    draft.set_state(InstanceState::Pausing, "pause was asked for");
    for task_index in draft.rows().active() {
        let can_be_suspended = match draft.rows().state_of(task_index) {
            TaskState::Delayed | TaskState::Waiting | TaskState::WaitingRetry => true,
            TaskState::Running => waits_in_owner(draft, task_index),
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
    end_active_tasks(draft, KillCause::Stop, "stopped");
}

fn resume(draft: &mut InstanceDraft<'_>, operation: &Operation) {
    match draft.record().state {
        InstanceState::Stopped => begin_next_run(draft, operation, "resumed"),
        InstanceState::Paused if draft.record().queued_by.is_some() => {
            admit_or_queue(draft, (Command::Resume, "resumed"));
            draft.continue_running();
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
    let killed = with_rows(draft.rows(), killed_tasks(draft.plan(), draft.rows()));
    draft.reset_tasks(Reset::Continue(suspended), "resumed");
    if !killed.is_empty() {
        draft.reset_tasks(Reset::NextRun(killed), "resumed");
    }
    for task_index in draft.rows().active() {
        draft.step_task(task_index, TaskEvent::Resumed);
    }
    draft.continue_running();
}

/// Begins the next run, with the tasks that the command decides again; it is queued when no place is free.
fn begin_next_run(draft: &mut InstanceDraft<'_>, operation: &Operation, why: &str) {
    let tasks = || with_rows(draft.rows(), tasks_decided_again(draft, operation));
    let reset = if operation.command == Command::Rerun {
        Reset::All
    } else if operation.command == Command::RunTask {
        Reset::FreshRun(tasks())
    } else {
        Reset::NextRun(tasks())
    };
    let range = run_range(draft.record().state, operation);
    draft.record_history();
    let at = draft.at();
    if admit_or_queue(draft, (operation.command, why)) == RunAdmission::Admitted {
        draft.record_mut().begin_run(at, range);
        draft.start_clock();
    } else {
        draft.record_mut().queue_run(range);
    }
    draft.reset_tasks(reset, why);
    if let Some(range) = range {
        leave_out_tasks(draft, range);
    }
    draft.continue_running();
}

/// Whether a run begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunAdmission {
    /// It runs, if the commit finds a place.
    Admitted,
    /// It waits for a place.
    Queued,
}

fn admit_or_queue(draft: &mut InstanceDraft<'_>, (command, why): (Command, &str)) -> RunAdmission {
    let PlaceOutlook::Full { reason } = draft.places().clone() else {
        draft.request_place(PlaceRequest::Take);
        draft.set_state(InstanceState::Running, why);
        draft.record_mut().queued_by = None;
        return RunAdmission::Admitted;
    };
    let limit_ms = draft.plan().start.start_within_ms;
    let due_at = limit_ms.map(|limit_ms| draft.at().plus(limit_ms));
    draft.request_place(PlaceRequest::Wait { due_at });
    draft.set_state(InstanceState::Queued, &format!("{why}; {reason}"));
    let record = draft.record_mut();
    record.reason = Some(reason);
    record.queued_by = Some(OwnershipReason::from(command));
    RunAdmission::Queued
}

/// Shows that tasks outside a run do not start in it, where nothing has become of them.
fn leave_out_tasks(draft: &mut InstanceDraft<'_>, range: RunRange) {
    let plan = draft.plan();
    let inside = plan.tasks_of_run(range);
    for task_index in plan.order.iter().copied() {
        let is_pending = draft.rows().state_of(task_index) == TaskState::Pending;
        if is_pending && !inside[task_index.as_usize()] && plan.is_included(task_index) {
            let reason = "this run is about other tasks".to_owned();
            draft.step_task(task_index, TaskEvent::NeverStart { reason });
        }
    }
}

fn rerun(draft: &mut InstanceDraft<'_>, operation: &Operation) {
    if !operation.arguments.params.is_empty() {
        let mut start = draft.start().clone();
        start.params.extend(operation.arguments.params.clone());
        draft.set_start(start);
    }
    begin_next_run(draft, operation, "run again");
}

/// Tries one task again: at rest in a run of its own, else in the current one, with its retries counted again.
fn retry_task(draft: &mut InstanceDraft<'_>, operation: &Operation) {
    let Some(task_index) = operation.task else { return };
    let why = format!("retried by {}", operation.requested_by);
    let overrides = &operation.arguments.overrides;
    if !overrides.is_empty() {
        draft.rows_mut().override_task(task_index, overrides.clone());
    }
    if draft.record().state.is_final() {
        return begin_next_run(draft, operation, &format!("a task was {why}"));
    }
    draft.reset_tasks(Reset::NextRun(BTreeSet::from([task_index])), &why);
    reopen_followers(draft, task_index, &why);
}

/// Moves what waits in front of, or behind, what other instances wait for.
fn set_priority(draft: &mut InstanceDraft<'_>, operation: &Operation) {
    let Some(priority) = operation.arguments.priority else {
        return;
    };
    let start = draft.start().clone();
    draft.note_instance(format!(
        "priority {priority} was set by {}",
        operation.requested_by
    ));
    draft.set_start(Start { priority, ..start });
}

/// Declares a task a success; its final instance succeeds when nothing stands against it any more.
fn force_success(draft: &mut InstanceDraft<'_>, task: Option<TaskIndex>, reason: String) {
    let Some(task_index) = task else { return };
    draft.step_task(task_index, TaskEvent::Force { reason });
    if draft.rows().counts().is_success() {
        let ended_at = draft.record().ended_at;
        completion::end(draft, InstanceState::Succeeded, None);
        let record = draft.record_mut();
        record.ended_at = ended_at.or(record.ended_at);
    }
}

fn kill_task(draft: &mut InstanceDraft<'_>, task: Option<TaskIndex>, reason: String) {
    let Some(task_index) = task else { return };
    let cause = KillCause::Kill;
    draft.step_task(task_index, TaskEvent::End { cause, reason });
}

/// Declares a task a success; in an open instance what its edges closed is decided again.
fn skip_task(draft: &mut InstanceDraft<'_>, task: Option<TaskIndex>, reason: String) {
    if draft.record().state.is_final() {
        return force_success(draft, task, reason);
    }
    let Some(task_index) = task else { return };
    draft.step_task(
        task_index,
        TaskEvent::Force {
            reason: reason.clone(),
        },
    );
    reopen_followers(draft, task_index, &reason);
    await_end_of_children(draft, &reason);
}

/// Keeps an owner for a paused instance until the children of a skipped task have ended.
fn await_end_of_children(draft: &mut InstanceDraft<'_>, why: &str) {
    if draft.record().state == InstanceState::Paused && draft.rows().counts().active > 0 {
        let at = draft.at();
        draft.set_state(InstanceState::Pausing, why);
        draft.record_mut().resume_clock(at);
    }
}

/// Has the tasks after one that are skipped or not_run decided again; those that ran stay.
fn reopen_followers(draft: &mut InstanceDraft<'_>, task_index: TaskIndex, why: &str) {
    let closed = closed_followers(draft.plan(), draft.rows(), task_index);
    if !closed.is_empty() {
        draft.reset_tasks(Reset::Continue(closed), why);
    }
    draft.decide_pending_tasks();
}
