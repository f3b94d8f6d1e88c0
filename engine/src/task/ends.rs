//! The ends of attempts: success, failure with or without a retry.

use super::attempts::{record_end, retry_wait};
use super::force::{force_ended, take_kill_reason};
use super::row::{Attempt, Task};
use super::step::{InstanceMode, StepContext, TaskEffect, TaskStep};
use crate::attempt::{AttemptEnd, AttemptResult, FailureKind};
use crate::ids::Timestamp;
use crate::spec::duration::HumanDuration;
use crate::states::{AttemptState, KillCause, TaskState};
use crate::task_type::ExecutionSite;

pub(super) fn end(context: &StepContext<'_>, mut task: Task, ended: AttemptEnd) -> TaskStep {
    let cause = task.attempt.as_ref().and_then(|attempt| attempt.kill_cause);
    record_end(context, &mut task, &ended);
    match (ended.result, cause) {
        (_, Some(KillCause::Skip)) => force_ended(context, task, ended),
        (AttemptResult::Succeeded, _) => {
            let why = match missing_outputs(context, &ended) {
                names if names.is_empty() => "succeeded".to_owned(),
                names => format!("succeeded without the declared outputs {}", names.join(", ")),
            };
            succeed(context, task, ended, &why)
        }
        (AttemptResult::Failed | AttemptResult::TimedOut | AttemptResult::Killed, Some(KillCause::Kill)) => {
            let reason = take_kill_reason(&mut task).unwrap_or_else(|| "killed".to_owned());
            end_killed(task, &reason)
        }
        (AttemptResult::Killed, Some(KillCause::Stop | KillCause::Strategy)) => {
            let reason = task.reason.take().unwrap_or_else(|| "killed".to_owned());
            end_killed(task, &reason)
        }
        (AttemptResult::Failed | AttemptResult::Killed, Some(KillCause::Timeout))
        | (AttemptResult::TimedOut, _) => fail_by_time(context, task, ended.error),
        (AttemptResult::Failed, None | Some(KillCause::Stop | KillCause::Strategy)) => {
            let error = ended.error.unwrap_or_else(|| match ended.exit_code {
                Some(code) => format!("exit code {code}"),
                None => "failed without a reason".to_owned(),
            });
            match ended.failure {
                FailureKind::Transient => fail(context, task, error),
                FailureKind::Permanent => fail_permanently(context, task, &error),
            }
        }
        (AttemptResult::Killed, None) => {
            let reason = ended.error.map_or_else(
                || "killed from outside".to_owned(),
                |error| format!("killed from outside: {error}"),
            );
            end_killed(task, &reason)
        }
    }
}

/// Returns the declared outputs that the attempt did not set and that have no default, quoted.
fn missing_outputs(context: &StepContext<'_>, ended: &AttemptEnd) -> Vec<String> {
    let declared = context.task.outputs.iter();
    declared
        .filter(|output| output.default.is_none() && !ended.outputs.contains_key(&output.name))
        .map(|output| format!("`{}`", output.name))
        .collect()
}

fn succeed(context: &StepContext<'_>, mut task: Task, ended: AttemptEnd, why: &str) -> TaskStep {
    let mut outputs = ended.outputs;
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.state = AttemptState::Succeeded;
        attempt.error = None;
    }
    task.outputs = context
        .task
        .outputs
        .iter()
        .filter_map(|output| {
            let value = outputs.remove(&output.name).or_else(|| output.default.clone())?;
            Some((output.name.clone(), value))
        })
        .collect();
    if context.site != ExecutionSite::Worker {
        // What a task in the owner gives is always shown; only what it declares becomes a parameter.
        task.outputs.append(&mut outputs);
    }
    task.state = TaskState::Succeeded;
    task.reason = None;
    task.due_at = None;
    TaskStep::changed(task, why, Vec::new())
}

pub(super) fn end_killed(mut task: Task, reason: &str) -> TaskStep {
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.state = AttemptState::Killed;
        attempt.error = Some(reason.to_owned());
    }
    TaskStep::entered(task, TaskState::Killed, reason)
}

pub(super) fn fail_by_time(context: &StepContext<'_>, task: Task, error: Option<String>) -> TaskStep {
    let limit = context
        .timeout_ms
        .map_or_else(String::new, |ms| format!(" after {}", HumanDuration(ms)));
    // A worker's "timed out" would only repeat the words before it.
    let detail = error
        .filter(|error| !error.starts_with("timed out"))
        .map_or_else(String::new, |error| format!(" ({error})"));
    let error = format!("timed out{limit}{detail}");
    let mut step = fail(context, task, error.clone());
    step.effects.push(TaskEffect::TimedOut(error));
    step
}

/// Ends the attempt and the task as failed: the next attempt would fail alike.
fn fail_permanently(context: &StepContext<'_>, mut task: Task, error: &str) -> TaskStep {
    let error = format!("{error}; not retried, because the next attempt would fail alike");
    record_failure(context, &mut task, &error);
    let why = format!("attempt {} failed: {error}", task.attempts);
    TaskStep::entered(task, TaskState::Failed, why)
}

/// Writes a failure into the attempt; returns when it ended.
fn record_failure(context: &StepContext<'_>, task: &mut Task, error: &str) -> Timestamp {
    task.due_at = None;
    let Some(attempt) = task.attempt.as_mut() else {
        return context.at;
    };
    attempt.state = AttemptState::Failed;
    attempt.error = Some(error.to_owned());
    *attempt.ended_at.get_or_insert(context.at)
}

/// Ends the attempt as failed; another follows while tries are left and the instance allows it.
fn fail(context: &StepContext<'_>, mut task: Task, error: String) -> TaskStep {
    let ended_at = record_failure(context, &mut task, &error);
    let why = format!("attempt {} failed: {error}", task.attempts);
    retry_after(context, task, ended_at, why)
}

/// Fails a task that has waited for slots or limits as long as it may; it counts as a failed attempt, without being one.
pub(super) fn expire_wait(context: &StepContext<'_>, mut task: Task) -> TaskStep {
    let limit = HumanDuration(context.task.wait_within_ms.unwrap_or_default());
    let why = format!("waited longer than {limit}");
    if task.attempt.as_ref().is_some_and(Attempt::is_unbound) {
        record_failure(context, &mut task, &why);
    } else {
        task.expired_waits += 1;
    }
    retry_after(context, task, context.at, why)
}

/// Continues after a failure: with another attempt while tries are left and the instance allows it.
fn retry_after(context: &StepContext<'_>, mut task: Task, ended_at: Timestamp, why: String) -> TaskStep {
    if task.counted_attempts() > context.retry.max {
        return TaskStep::entered(task, TaskState::Failed, why);
    }
    task.state = TaskState::WaitingRetry;
    match context.mode {
        InstanceMode::Open => wait_for_retry(context, task, ended_at, &why),
        InstanceMode::Pausing => suspend_retry(task, &format!("{why}; paused before the next attempt")),
        InstanceMode::Ending => TaskStep::entered(
            task,
            TaskState::Killed,
            format!("{why}; no next attempt, the instance ends"),
        ),
    }
}

pub(super) fn wait_for_retry(
    context: &StepContext<'_>,
    mut task: Task,
    from: Timestamp,
    why: &str,
) -> TaskStep {
    let wait = retry_wait(&context.retry, task.counted_attempts());
    task.state = TaskState::WaitingRetry;
    task.due_at = Some(from.plus(wait));
    task.reason = Some(format!(
        "{why}; attempt {} follows after {}",
        task.attempts + 1,
        HumanDuration(wait)
    ));
    TaskStep::changed(task, why, Vec::new())
}

pub(super) fn suspend_retry(mut task: Task, why: &str) -> TaskStep {
    task.due_at = None;
    task.reason = Some(why.to_owned());
    TaskStep::changed(task, why, Vec::new())
}

pub(super) fn complete_inline(context: &StepContext<'_>, mut task: Task) -> TaskStep {
    let ended = AttemptEnd::succeeded(context.at);
    record_end(context, &mut task, &ended);
    succeed(context, task, ended, "succeeded")
}
