//! What steps do to attempts: making them, ending them, and the wait for the next one.

use super::{Attempt, Policy, Task};
use crate::definition::Retry;
use crate::ids::{AttemptNumber, Uid};
use crate::instance::Ended;
use crate::states::{AttemptState, Backoff};

impl Attempt {
    /// Returns an attempt that is not bound to anything.
    pub(super) fn new(number: AttemptNumber, policy: &Policy<'_>) -> Self {
        Self {
            number,
            binding: 0,
            uid: None,
            worker: None,
            epoch: policy.epoch,
            state: AttemptState::Created,
            kill_cause: None,
            pid: None,
            exit_code: None,
            error: None,
            created_at: policy.at,
            started_at: None,
            ended_at: None,
        }
    }
}

impl Policy<'_> {
    /// Returns the uid of one binding of one attempt.
    pub(super) fn uid(&self, attempt: AttemptNumber, binding: u32) -> Uid {
        Uid {
            generation: self.generation,
            instance: self.instance,
            ordinal: self.ordinal,
            attempt,
            binding,
        }
    }
}

/// Takes the next attempt number; numbers are never used again. The last attempt is now one that has not ended.
pub(super) fn next_number(task: &mut Task) -> AttemptNumber {
    task.attempts += 1;
    task.ended_at = None;
    AttemptNumber(task.attempts)
}

/// Writes the times and codes of an end into the rows; the caller decides the states.
pub(super) fn settle_end(policy: &Policy<'_>, task: &mut Task, ended: &Ended) {
    let Some(attempt) = task.attempt.as_mut() else {
        return;
    };
    let now = policy.at.max(attempt.created_at);
    let said = ended.started_at.unwrap_or(ended.ended_at);
    let started = *attempt
        .started_at
        .get_or_insert(said.clamp(attempt.created_at, now));
    let end = ended.ended_at.clamp(started, now.max(started));
    attempt.ended_at = Some(end);
    attempt.exit_code = ended.exit_code;
    attempt.pid = attempt.pid.or(ended.pid);
    task.started_at.get_or_insert(started);
    task.ended_at = Some(end);
    task.due_at = None;
}

/// Returns the wait after the `failures`-th failed attempt of a run.
pub(super) fn retry_wait(retry: &Retry, failures: u32) -> i64 {
    let wait = match retry.backoff {
        Backoff::Fixed => retry.delay_ms,
        Backoff::Exponential => {
            let doubled = failures.saturating_sub(1).min(40);
            retry.delay_ms.saturating_mul(1_i64 << doubled)
        }
    };
    retry.max_delay_ms.map_or(wait, |max| wait.min(max))
}
