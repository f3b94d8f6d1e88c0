//! The rules of attempts: their numbers, times, retry waits.

use super::progress::Progress;
use super::row::{Attempt, Task};
use super::step::StepContext;
use crate::attempt::AttemptEnd;
use crate::ids::{AttemptNumber, DispatchId};
use crate::spec::duration::HumanDuration;
use crate::spec::model::RetryPolicy;
use crate::states::{AttemptState, Backoff};
use crate::task_type::WatchKind;

/// Returns an attempt that is not bound to a worker.
pub(super) fn new_attempt(context: &StepContext<'_>, number: AttemptNumber) -> Attempt {
    Attempt {
        number,
        dispatch_number: 0,
        uid: None,
        worker: None,
        epoch: context.epoch,
        state: AttemptState::Created,
        kill_cause: None,
        pid: None,
        exit_code: None,
        error: None,
        log_bytes: None,
        created_at: context.at,
        started_at: None,
        ended_at: None,
    }
}

/// Returns the uid of an attempt's current dispatch.
pub(super) fn uid_of(context: &StepContext<'_>, attempt: &Attempt) -> DispatchId {
    DispatchId {
        generation: context.generation,
        instance: context.instance,
        task_index: context.task_index,
        attempt: attempt.number,
        dispatch_number: attempt.dispatch_number,
    }
}

/// Takes the next attempt number; numbers are never used again. The last attempt is now one that has not ended.
pub(super) fn next_number(task: &mut Task) -> AttemptNumber {
    task.attempts += 1;
    task.ended_at = None;
    AttemptNumber(task.attempts)
}

/// Writes the times and codes of an end into the rows; the caller decides the states.
pub(super) fn record_end(context: &StepContext<'_>, task: &mut Task, end: &AttemptEnd) {
    let Some(attempt) = task.attempt.as_mut() else {
        return;
    };
    let now = context.at.max(attempt.created_at);
    let reported = end.started_at.unwrap_or(end.ended_at);
    let started = *attempt
        .started_at
        .get_or_insert(reported.clamp(attempt.created_at, now));
    let ended = end.ended_at.clamp(started, now.max(started));
    attempt.ended_at = Some(ended);
    attempt.exit_code = end.exit_code;
    attempt.log_bytes = end.log_bytes;
    attempt.pid = attempt.pid.or(end.pid);
    task.started_at.get_or_insert(started);
    task.ended_at = Some(ended);
    task.due_at = None;
    task.progress = ended_progress(context, task.progress.take());
}

/// Returns what is kept of a wait that has ended: what an attempt started, since the next one may take it over.
fn ended_progress(context: &StepContext<'_>, progress: Option<Box<Progress>>) -> Option<Box<Progress>> {
    let keeps = context.site.watch_kind() == Some(WatchKind::Children);
    let progress = progress.filter(|_| keeps)?;
    Some(Box::new(Progress {
        detail: progress.detail,
        ..Progress::default()
    }))
}

/// Returns the wait after the `failures`-th failed attempt of a run.
pub(super) fn retry_wait(retry: &RetryPolicy, failures: u32) -> i64 {
    let wait = match retry.backoff {
        Backoff::Fixed => retry.delay_ms,
        Backoff::Exponential => {
            let doubled = failures.saturating_sub(1).min(40);
            retry.delay_ms.saturating_mul(1_i64 << doubled)
        }
    };
    retry.max_delay_ms.map_or(wait, |max| wait.min(max))
}

/// Says that an attempt runs longer than it may.
pub(super) fn time_limit_text(context: &StepContext<'_>, task: &Task) -> String {
    let limit = context.timeout_ms.unwrap_or_default();
    format!(
        "attempt {} runs longer than {}",
        task.attempts,
        HumanDuration(limit)
    )
}
