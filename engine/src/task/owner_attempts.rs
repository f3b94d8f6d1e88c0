//! The transitions of tasks whose attempts run in the owner: their beginning, what is observed, pauses and ends.

use serde_json::Value;

use super::attempts::{new_attempt, next_number, record_end, time_limit_text};
use super::ends::{end, end_killed, fail_by_time};
use super::progress::Progress;
use super::row::{Attempt, Task};
use super::step::{InstanceMode, StepContext, TaskEffect, TaskStep};
use super::watch::{
    Observation, Opening, WatchStep, WatchedAttempt, decide_expiry, decide_observation, goal_of, resume_wait,
};
use crate::attempt::{AttemptEnd, AttemptResult};
use crate::ids::Timestamp;
use crate::states::{AttemptState, InstanceState, KillCause, OnTimeout, TaskState};
use crate::task_type::WatchKind;

/// Whether the open attempt of a task waits in the owner.
fn waits_in_owner(task: &Task) -> bool {
    task.open_attempt().is_some_and(Attempt::is_in_owner)
}

/// Starts the next attempt, or continues one that a pause left open.
pub(super) fn start(context: &StepContext<'_>, mut task: Task, why: &str) -> TaskStep {
    task.state = TaskState::Running;
    if waits_in_owner(&task) {
        let progress = task.progress.get_or_insert_default();
        progress.resume_times(context.at);
        if let Some(kind) = context.site.watch_kind() {
            resume_wait(progress, kind);
        }
        task.due_at = progress.due_at();
        task.reason = Some(progress.waits_for.clone());
        return TaskStep::changed(task, "its attempt continues", vec![TaskEffect::Watch]);
    }
    let mut effects: Vec<TaskEffect> = task.attempt.take().map(TaskEffect::Close).into_iter().collect();
    let mut attempt = new_attempt(context, next_number(&mut task));
    attempt.state = AttemptState::Running;
    attempt.started_at = Some(context.at);
    task.attempt = Some(attempt);
    task.started_at.get_or_insert(context.at);
    task.reason = None;
    let progress = Progress {
        time_limit_at: context.timeout_ms.map(|limit| context.at.plus(limit)),
        // What the last attempt started, for the one that begins.
        detail: task
            .progress
            .take()
            .map_or(Value::Null, |progress| progress.detail),
        ..Progress::default()
    };
    task.due_at = progress.due_at();
    task.progress = Some(Box::new(progress));
    effects.push(TaskEffect::Open);
    TaskStep::changed(task, format!("{why}; runs in the owner"), effects)
}

/// Takes how an attempt begins.
pub(super) fn open(context: &StepContext<'_>, mut task: Task, opening: Opening) -> TaskStep {
    match opening {
        Opening::Ends(ended) => end(context, task, ended),
        Opening::Waits {
            reason,
            failure_wait_ms,
            detail,
        } => {
            let progress = task.progress.get_or_insert_default();
            progress.failure_wait_at = failure_wait_ms.map(|wait| context.at.plus(wait));
            progress.kind = context.site.watch_kind();
            progress.waits_for.clone_from(&reason);
            progress.detail = detail;
            task.due_at = progress.due_at();
            task.reason = Some(reason.clone());
            TaskStep::changed(task, reason, vec![TaskEffect::Watch])
        }
    }
}

/// Takes what was found out about the things that an attempt waits for.
pub(super) fn observe(context: &StepContext<'_>, task: Task, observation: &Observation) -> TaskStep {
    let step = with_watched(context, &task, |attempt| decide_observation(attempt, observation));
    take_step(context, task, step)
}

/// Acts on a due time of an attempt in the owner.
pub(super) fn expire(context: &StepContext<'_>, mut task: Task, kind: WatchKind) -> TaskStep {
    let progress = task.progress.get_or_insert_default();
    let is_over = |at: Option<Timestamp>| at.is_some_and(|at| at <= context.at);
    if is_over(progress.time_limit_at) {
        progress.time_limit_at = None;
        task.due_at = progress.due_at();
        if kind == WatchKind::Approval {
            let step = with_watched(context, &task, |attempt| decide_expiry(attempt, kind));
            return take_step(context, task, step);
        }
        return time_out(context, task, kind);
    }
    progress.failure_wait_at = None;
    task.due_at = progress.due_at();
    let step = with_watched(context, &task, |attempt| decide_expiry(attempt, kind));
    take_step(context, task, step)
}

fn with_watched(
    context: &StepContext<'_>,
    task: &Task,
    decide: impl FnOnce(&WatchedAttempt<'_>) -> WatchStep,
) -> WatchStep {
    let nothing = Progress::default();
    let instance = match context.mode {
        InstanceMode::Pausing => InstanceState::Pausing,
        InstanceMode::Open | InstanceMode::Ending => InstanceState::Running,
    };
    decide(&WatchedAttempt {
        task: context.task,
        row: task,
        progress: task.progress.as_deref().unwrap_or(&nothing),
        goal: goal_of(task, instance),
        at: context.at,
    })
}

fn take_step(context: &StepContext<'_>, mut task: Task, step: WatchStep) -> TaskStep {
    match step {
        WatchStep::Unchanged => TaskStep::ignored(task, "nothing that it waits for changed"),
        WatchStep::Waits { reason, detail } => {
            let progress = task.progress.get_or_insert_default();
            if progress.waits_for == reason && progress.detail == detail {
                return TaskStep::ignored(task, "it waits for that already");
            }
            progress.waits_for.clone_from(&reason);
            progress.detail = detail;
            task.reason = Some(reason.clone());
            TaskStep::changed(task, reason, vec![TaskEffect::Watch])
        }
        WatchStep::Suspends { reason } if context.mode == InstanceMode::Pausing => {
            TaskStep::entered(task, TaskState::NotRun, reason)
        }
        WatchStep::Suspends { .. } => TaskStep::ignored(task, "its instance is not being paused"),
        WatchStep::Ends(ended) => end(context, task, ended),
        WatchStep::Succeeds { end: ended, why } => TaskStep {
            why: Some(why),
            ..end(context, task, ended)
        },
    }
}

/// Stops waiting for a pause, or asks children to pause.
pub(super) fn suspend(context: &StepContext<'_>, mut task: Task, kind: WatchKind) -> TaskStep {
    task.progress.get_or_insert_default().pause_times(context.at);
    if kind.ends_at_once() {
        return TaskStep::entered(task, TaskState::NotRun, "paused");
    }
    task.due_at = None;
    TaskStep::changed(task, "pausing", vec![TaskEffect::Watch])
}

/// Ends the wait, at once or when children have confirmed it.
pub(super) fn kill(
    context: &StepContext<'_>,
    mut task: Task,
    (kind, cause): (WatchKind, KillCause),
    reason: String,
) -> TaskStep {
    let Some(attempt) = task.attempt.as_mut() else {
        return TaskStep::ignored(task, "it has no attempt");
    };
    if kind.ends_at_once() {
        attempt.ended_at = Some(context.at);
        task.ended_at = Some(context.at);
        task.progress = None;
        return end_killed(task, &reason);
    }
    if attempt.kill_cause.is_some() {
        return TaskStep::unchanged(task, vec![TaskEffect::Watch]);
    }
    attempt.kill_cause = Some(cause);
    if cause == KillCause::Kill {
        attempt.error = Some(reason.clone());
    }
    task.state = TaskState::Running;
    task.due_at = None;
    task.reason = Some(reason.clone());
    TaskStep::changed(task, reason, vec![TaskEffect::Watch])
}

fn time_out(context: &StepContext<'_>, mut task: Task, kind: WatchKind) -> TaskStep {
    let text = time_limit_text(context, &task);
    let mut effects = Vec::new();
    if context.task.on_timeout != OnTimeout::Fail {
        effects.push(TaskEffect::Warn(text.clone()));
    }
    if !context.task.on_timeout.fails() {
        task.reason = Some(text.clone());
        return TaskStep::changed(task, text, effects);
    }
    if kind.ends_at_once() {
        let ended = AttemptEnd::unstarted(AttemptResult::TimedOut, "timed out", context.at);
        record_end(context, &mut task, &ended);
        let mut step = fail_by_time(context, task, None);
        step.effects.extend(effects);
        return step;
    }
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.kill_cause = Some(KillCause::Timeout);
    }
    task.due_at = None;
    task.reason = Some(format!("{text}; waits for its children to end"));
    effects.push(TaskEffect::Watch);
    TaskStep::changed(task, text, effects)
}
