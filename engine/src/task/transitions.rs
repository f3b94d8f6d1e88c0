//! The transitions of the task machine: what each arm does to the row.

use super::attempts::{new_attempt, next_number, time_limit_text, uid_of};
use super::ends::{end_killed, fail_by_time};
use super::force::{force, force_ended, reason_until_killed, take_kill_reason};
use super::owner_attempts;
use super::row::{Attempt, Task, Worker};
use super::step::{InstanceMode, StepContext, TaskEffect, TaskStep};
use crate::attempt::{AttemptEnd, AttemptResult};
use crate::ids::Timestamp;
use crate::spec::duration::HumanDuration;
use crate::states::{AttemptState, KillCause, OnTimeout, OnWorkerLost, TaskState};
use crate::task_type::ExecutionSite;

/// Lost attempts of one run after which a task fails.
const MAX_LOST_ATTEMPTS: u32 = 5;

pub(super) fn become_ready(context: &StepContext<'_>, mut task: Task) -> TaskStep {
    let first_try = task.attempts == task.attempts_before_run;
    let delay = context.delay_ms.filter(|ms| *ms > 0 && first_try);
    let Some(ms) = delay else {
        return enqueue(context, task, "ready");
    };
    task.state = TaskState::Delayed;
    task.due_at = Some(context.at.plus(ms));
    let reason = format!("starts {} after it became ready", HumanDuration(ms));
    task.reason = Some(reason.clone());
    TaskStep::changed(task, reason, Vec::new())
}

/// Lets a task run as soon as its execution site has room for it.
pub(super) fn enqueue(context: &StepContext<'_>, mut task: Task, why: &str) -> TaskStep {
    task.due_at = None;
    match context.site {
        ExecutionSite::Worker => {
            task.state = TaskState::Waiting;
            task.due_at = context.task.wait_within_ms.map(|ms| context.at.plus(ms));
            let (reason, effect) = if context.limits.is_empty() {
                let group = context.worker_group;
                (
                    format!("waits for a slot in worker group `{group}`"),
                    TaskEffect::RequestSlot,
                )
            } else {
                (
                    format!("waits for room in {}", context.limits),
                    TaskEffect::RequestRoom,
                )
            };
            task.reason = Some(reason);
            TaskStep::changed(task, why, vec![effect])
        }
        ExecutionSite::Decision | ExecutionSite::Owner(_) => owner_attempts::start(context, task, why),
        ExecutionSite::Inline => {
            let mut attempt = new_attempt(context, next_number(&mut task));
            attempt.state = AttemptState::Running;
            attempt.started_at = Some(context.at);
            task.state = TaskState::Running;
            task.reason = None;
            task.started_at.get_or_insert(context.at);
            task.attempt = Some(attempt);
            TaskStep::changed(
                task,
                format!("{why}; runs in the owner"),
                vec![TaskEffect::CompleteInline],
            )
        }
    }
}

pub(super) fn bind(context: &StepContext<'_>, mut task: Task, worker: Worker) -> TaskStep {
    let mut effects = Vec::new();
    let mut attempt = match task.attempt.take_if(|attempt| attempt.is_unbound()) {
        Some(unbound) => unbound,
        None => {
            effects.extend(task.attempt.take().map(TaskEffect::Close));
            new_attempt(context, next_number(&mut task))
        }
    };
    let why = format!("got a slot on worker {}", worker.name);
    attempt.dispatch_number += 1;
    attempt.epoch = context.epoch;
    attempt.error = None;
    attempt.uid = Some(uid_of(context, &attempt));
    attempt.worker = Some(worker);
    task.attempt = Some(attempt);
    task.state = TaskState::Dispatched;
    task.reason = None;
    task.due_at = None;
    TaskStep::changed(task, why, effects)
}

/// Shows why there is no slot of a worker; a task with limits leaves their queues, since they have room.
pub(super) fn wait_for_worker(context: &StepContext<'_>, task: Task, reason: String) -> TaskStep {
    let mut step = wait_because(task, reason);
    if !context.limits.is_empty() {
        step.effects.push(TaskEffect::AwaitWorker);
    }
    step
}

/// Shows which limit lacks room; the task waits in the queues of its limits again.
pub(super) fn wait_for_room(task: Task, reason: String) -> TaskStep {
    let mut step = wait_because(task, reason);
    step.effects.push(TaskEffect::RequestRoom);
    step
}

fn wait_because(mut task: Task, reason: String) -> TaskStep {
    if task.reason.as_deref() == Some(reason.as_str()) {
        return TaskStep::ignored(task, "it waits for that already");
    }
    task.reason = Some(reason.clone());
    TaskStep::changed(task, reason, Vec::new())
}

pub(super) fn mark_started(
    context: &StepContext<'_>,
    mut task: Task,
    pid: Option<i64>,
    at: Timestamp,
) -> TaskStep {
    let Some(attempt) = task.attempt.as_mut() else {
        return TaskStep::ignored(task, "it has no attempt");
    };
    let started = at.clamp(attempt.created_at, context.at.max(attempt.created_at));
    attempt.state = AttemptState::Running;
    attempt.started_at = Some(started);
    attempt.pid = pid;
    let is_killed = attempt.kill_cause.is_some();
    task.state = TaskState::Running;
    task.started_at.get_or_insert(started);
    let limit = context.timeout_ms.filter(|_| !is_killed);
    task.due_at = limit.map(|limit| started.plus(limit));
    TaskStep::changed(task, "started", Vec::new())
}

pub(super) fn abandon(task: Task) -> TaskStep {
    let why = task
        .attempt
        .as_ref()
        .and_then(|attempt| attempt.error.clone())
        .unwrap_or_else(|| "failed".to_owned());
    TaskStep::entered(
        task,
        TaskState::Failed,
        format!("{why}; no next attempt, another task failed while pausing"),
    )
}

pub(super) fn mark_not_started(context: &StepContext<'_>, mut task: Task, reason: String) -> TaskStep {
    let Some(attempt) = task.attempt.as_mut() else {
        return TaskStep::ignored(task, "it has no attempt");
    };
    match attempt.kill_cause {
        Some(KillCause::Timeout) => {
            end_without_start(context, attempt);
            task.ended_at = Some(context.at);
            return fail_by_time(context, task, Some(reason));
        }
        Some(KillCause::Stop | KillCause::Strategy | KillCause::Kill) => {
            end_without_start(context, attempt);
            task.ended_at = Some(context.at);
            return end_killed(task, &format!("never started: {reason}"));
        }
        Some(KillCause::Skip) => {
            end_without_start(context, attempt);
            let error = format!("never started: {reason}");
            let ended = AttemptEnd::unstarted(AttemptResult::Killed, &error, context.at);
            return force_ended(context, task, ended);
        }
        None if attempt.state == AttemptState::Running => {
            return TaskStep::ignored(task, "it had started");
        }
        None => {}
    }
    attempt.uid = None;
    attempt.worker = None;
    attempt.error = Some(reason.clone());
    requeue(context, task, &format!("not started: {reason}"))
}

/// Ends an attempt whose process never started; it has no log.
fn end_without_start(context: &StepContext<'_>, attempt: &mut Attempt) {
    attempt.ended_at = Some(context.at);
    attempt.log_bytes = Some(0);
}

pub(super) fn mark_lost(context: &StepContext<'_>, mut task: Task, reason: String) -> TaskStep {
    let Some(attempt) = task.attempt.as_mut() else {
        return TaskStep::ignored(task, "it has no attempt");
    };
    attempt.ended_at = Some(context.at);
    task.ended_at = Some(context.at);
    let cause = attempt.kill_cause;
    if cause == Some(KillCause::Timeout) {
        return fail_by_time(context, task, Some(format!("its worker was lost: {reason}")));
    }
    attempt.state = AttemptState::Lost;
    if cause == Some(KillCause::Skip) {
        let said = take_kill_reason(&mut task).unwrap_or_else(|| reason.clone());
        return force(context, task, said);
    }
    attempt.error = Some(reason.clone());
    task.lost_in_run += 1;
    task.due_at = None;
    let why = format!("attempt {} was lost: {reason}", task.attempts);
    if cause.is_some() {
        // The reason already says whether its processes could be checked.
        return TaskStep::entered(task, TaskState::Killed, why);
    }
    if context.task.on_worker_lost == OnWorkerLost::Fail {
        return TaskStep::entered(task, TaskState::Failed, why);
    }
    if task.lost_in_run >= MAX_LOST_ATTEMPTS {
        let why = format!("{why}; {MAX_LOST_ATTEMPTS} attempts of this run were lost");
        return TaskStep::entered(task, TaskState::Failed, why);
    }
    requeue(context, task, &why)
}

/// Shows what the loss of an attempt waits for; the reason of one that is being killed stays.
pub(super) fn defer_loss(task: Task, reason: String) -> TaskStep {
    let is_killed = |attempt: &Attempt| attempt.kill_cause.is_some();
    if task.attempt.as_ref().is_some_and(is_killed) {
        return TaskStep::ignored(task, "it is being killed");
    }
    wait_because(task, reason)
}

/// Moves a task whose attempt did not run to an end: again into the queue, or to where the instance puts it.
fn requeue(context: &StepContext<'_>, task: Task, why: &str) -> TaskStep {
    match context.mode {
        InstanceMode::Open => enqueue(context, task, why),
        InstanceMode::Pausing => TaskStep::entered(task, TaskState::NotRun, format!("paused; {why}")),
        InstanceMode::Ending => cancel(context, task, format!("{why}; the instance ends")),
    }
}

pub(super) fn time_out(context: &StepContext<'_>, mut task: Task) -> TaskStep {
    let text = time_limit_text(context, &task);
    task.due_at = None;
    let mut effects = Vec::new();
    if context.task.on_timeout != OnTimeout::Fail {
        effects.push(TaskEffect::Warn(text.clone()));
    }
    if !context.task.on_timeout.fails() {
        task.reason = Some(text.clone());
        return TaskStep::changed(task, text, effects);
    }
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.kill_cause = Some(KillCause::Timeout);
    }
    task.reason = Some(reason_until_killed(&text));
    effects.push(TaskEffect::Kill);
    TaskStep::changed(task, text, effects)
}

pub(super) fn suspend(task: Task) -> TaskStep {
    TaskStep::entered(task, TaskState::NotRun, "paused")
}

pub(super) fn cancel(context: &StepContext<'_>, mut task: Task, reason: String) -> TaskStep {
    if let Some(attempt) = task.attempt.as_mut().filter(|attempt| attempt.state.is_open()) {
        attempt.state = AttemptState::Killed;
        attempt.ended_at = Some(context.at);
        attempt.error = Some("never started".to_owned());
    }
    TaskStep::entered(task, TaskState::NotRun, reason)
}

/// Kills a task between two attempts: nothing of it runs.
pub(super) fn kill_wait(mut task: Task, cause: KillCause, reason: String) -> TaskStep {
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.kill_cause = Some(cause);
    }
    TaskStep::entered(task, TaskState::Killed, reason)
}

pub(super) fn kill(context: &StepContext<'_>, mut task: Task, cause: KillCause, reason: String) -> TaskStep {
    if let Some(kind) = context.site.watch_kind() {
        return owner_attempts::kill(context, task, (kind, cause), reason);
    }
    let Some(attempt) = task.attempt.as_mut() else {
        return TaskStep::ignored(task, "it has no attempt");
    };
    if attempt.uid.is_none() {
        attempt.ended_at = Some(context.at);
        task.ended_at = Some(context.at);
        return end_killed(task, &reason);
    }
    let replaces_limit = (attempt.kill_cause, cause) == (Some(KillCause::Timeout), KillCause::Kill);
    if attempt.kill_cause.is_some() && !replaces_limit {
        return TaskStep::unchanged(task, vec![TaskEffect::Kill]);
    }
    attempt.kill_cause = Some(cause);
    if cause == KillCause::Kill {
        attempt.error = Some(reason.clone());
    }
    task.due_at = None;
    // Of a kill that ends the instance too, the reason of the instance names the worker.
    task.reason = Some(match cause {
        KillCause::Kill => reason_until_killed(&reason),
        KillCause::Stop | KillCause::Timeout | KillCause::Strategy | KillCause::Skip => reason.clone(),
    });
    TaskStep::changed(task, reason, vec![TaskEffect::Kill])
}
