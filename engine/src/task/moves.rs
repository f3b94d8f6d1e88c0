//! What each arm of the task machine does to the row.

use super::attempt::{next_number, retry_wait, settle_end};
use super::machine::{changed, ignore, rest, unchanged};
use super::{Ask, Attempt, Mode, Place, Policy, Span, Step, Task, Worker};
use crate::ids::Millis;
use crate::instance::{AttemptResult, Ended};
use crate::states::{AttemptState, KillCause, OnTimeout, OnWorkerLost, TaskState};

/// Lost attempts of one run after which a task fails.
const MOST_LOST: u32 = 5;

pub(super) fn become_ready(policy: &Policy<'_>, mut task: Task) -> Step {
    let first_try = task.attempts == task.attempts_before_run;
    let delay = policy
        .task
        .delay_ms
        .filter(|ms| *ms > 0 && first_try && policy.place != Place::DryRun);
    let Some(ms) = delay else {
        return admit(policy, task, "ready");
    };
    task.state = TaskState::Delayed;
    task.due_at = Some(policy.at.plus(ms));
    let reason = format!("starts {} after it became ready", Span(ms));
    task.reason = Some(reason.clone());
    changed(task, reason, Vec::new())
}

/// Lets a task run as soon as there is a place for it.
pub(super) fn admit(policy: &Policy<'_>, mut task: Task, why: &str) -> Step {
    task.due_at = None;
    match policy.place {
        Place::Worker => {
            task.state = TaskState::Waiting;
            task.reason = Some(format!("waits for a slot in worker group `{}`", policy.group));
            changed(task, why, vec![Ask::Slot])
        }
        Place::Owner | Place::DryRun => {
            let mut attempt = Attempt::new(next_number(&mut task), policy);
            attempt.state = AttemptState::Running;
            attempt.started_at = Some(policy.at);
            task.state = TaskState::Running;
            task.reason = None;
            task.started_at.get_or_insert(policy.at);
            task.attempt = Some(attempt);
            changed(
                task,
                format!("{why}; runs in the owner"),
                vec![Ask::FinishInOwner],
            )
        }
    }
}

pub(super) fn bind(policy: &Policy<'_>, mut task: Task, worker: Worker) -> Step {
    let mut asks = Vec::new();
    let kept = task
        .attempt
        .take_if(|a| a.state == AttemptState::Created && a.uid.is_none());
    let mut attempt = match kept {
        Some(kept) => kept,
        None => {
            asks.extend(task.attempt.take().map(Ask::Close));
            Attempt::new(next_number(&mut task), policy)
        }
    };
    let why = format!("got a slot on worker {}", worker.name);
    attempt.binding += 1;
    attempt.epoch = policy.epoch;
    attempt.error = None;
    attempt.uid = Some(policy.uid(attempt.number, attempt.binding));
    attempt.worker = Some(worker);
    task.attempt = Some(attempt);
    task.state = TaskState::Dispatched;
    task.reason = None;
    changed(task, why, asks)
}

pub(super) fn wait_on(mut task: Task, reason: String) -> Step {
    if task.reason.as_deref() == Some(reason.as_str()) {
        return ignore(task, "it waits for that already");
    }
    task.reason = Some(reason.clone());
    changed(task, reason, Vec::new())
}

pub(super) fn start(policy: &Policy<'_>, mut task: Task, pid: Option<i64>, at: Millis) -> Step {
    let Some(attempt) = task.attempt.as_mut() else {
        return ignore(task, "it has no attempt");
    };
    let started = at.clamp(attempt.created_at, policy.at.max(attempt.created_at));
    attempt.state = AttemptState::Running;
    attempt.started_at = Some(started);
    attempt.pid = pid;
    let doomed = attempt.kill_cause.is_some();
    task.state = TaskState::Running;
    task.started_at.get_or_insert(started);
    task.due_at = match doomed {
        true => None,
        false => policy.task.timeout_ms.map(|limit| started.plus(limit)),
    };
    changed(task, "started", Vec::new())
}

pub(super) fn end(policy: &Policy<'_>, mut task: Task, ended: Ended) -> Step {
    let cause = task.attempt.as_ref().and_then(|attempt| attempt.kill_cause);
    settle_end(policy, &mut task, &ended);
    match (ended.result, cause) {
        (AttemptResult::Succeeded, _) => succeed(policy, task, ended),
        (AttemptResult::Failed | AttemptResult::Killed, Some(KillCause::Timeout))
        | (AttemptResult::TimedOut, _) => fail_by_time(policy, task, ended.error),
        (AttemptResult::Failed, None | Some(KillCause::Stop | KillCause::Strategy)) => {
            let error = ended.error.unwrap_or_else(|| match ended.exit_code {
                Some(code) => format!("exit code {code}"),
                None => "failed without saying why".to_owned(),
            });
            fail(policy, task, error)
        }
        (AttemptResult::Killed, Some(KillCause::Stop | KillCause::Strategy)) => {
            let reason = task.reason.take().unwrap_or_else(|| "killed".to_owned());
            close_killed(task, &reason)
        }
        (AttemptResult::Killed, None) => {
            let reason = ended.error.map_or_else(
                || "killed from outside".to_owned(),
                |error| format!("killed from outside: {error}"),
            );
            close_killed(task, &reason)
        }
    }
}

fn succeed(policy: &Policy<'_>, mut task: Task, ended: Ended) -> Step {
    let mut said = ended.outputs;
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.state = AttemptState::Succeeded;
        attempt.error = None;
    }
    task.outputs = policy
        .task
        .outputs
        .iter()
        .filter_map(|output| {
            let value = said.remove(&output.name).or_else(|| output.default.clone())?;
            Some((output.name.clone(), value))
        })
        .collect();
    task.state = TaskState::Succeeded;
    task.reason = None;
    task.due_at = None;
    changed(task, "succeeded", Vec::new())
}

fn close_killed(mut task: Task, reason: &str) -> Step {
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.state = AttemptState::Killed;
        attempt.error = Some(reason.to_owned());
    }
    rest(task, TaskState::Killed, reason)
}

fn fail_by_time(policy: &Policy<'_>, task: Task, error: Option<String>) -> Step {
    let limit = policy
        .task
        .timeout_ms
        .map_or_else(String::new, |ms| format!(" after {}", Span(ms)));
    // What a worker says of the time alone says nothing more.
    let more = error.filter(|error| !error.starts_with("timed out"));
    let said = more.map_or_else(String::new, |error| format!(" ({error})"));
    fail(policy, task, format!("timed out{limit}{said}"))
}

/// Ends the attempt as failed; another follows while tries are left and the instance waits for any.
fn fail(policy: &Policy<'_>, mut task: Task, error: String) -> Step {
    let number = task.attempts;
    let ended_at = match task.attempt.as_mut() {
        Some(attempt) => {
            attempt.state = AttemptState::Failed;
            attempt.error = Some(error.clone());
            *attempt.ended_at.get_or_insert(policy.at)
        }
        None => policy.at,
    };
    task.due_at = None;
    let why = format!("attempt {number} failed: {error}");
    if task.counted() > policy.task.retry.max {
        return rest(task, TaskState::Failed, why);
    }
    task.state = TaskState::WaitingRetry;
    match policy.mode {
        Mode::Open => wait_for_retry(policy, task, ended_at, &why),
        Mode::Pausing => suspend_retry(task, &format!("{why}; paused before the next attempt")),
        Mode::Ending => rest(
            task,
            TaskState::Killed,
            format!("{why}; no next attempt, the instance ends"),
        ),
    }
}

pub(super) fn wait_for_retry(policy: &Policy<'_>, mut task: Task, from: Millis, why: &str) -> Step {
    let wait = retry_wait(&policy.task.retry, task.counted());
    task.state = TaskState::WaitingRetry;
    task.due_at = Some(from.plus(wait));
    task.reason = Some(format!(
        "{why}; attempt {} follows after {}",
        task.attempts + 1,
        Span(wait)
    ));
    changed(task, why, Vec::new())
}

pub(super) fn suspend_retry(mut task: Task, why: &str) -> Step {
    task.due_at = None;
    task.reason = Some(why.to_owned());
    changed(task, why, Vec::new())
}

pub(super) fn abandon(task: Task) -> Step {
    let why = task
        .attempt
        .as_ref()
        .and_then(|attempt| attempt.error.clone())
        .unwrap_or_else(|| "failed".to_owned());
    rest(
        task,
        TaskState::Failed,
        format!("{why}; no next attempt, another task failed while pausing"),
    )
}

pub(super) fn finish_in_owner(policy: &Policy<'_>, mut task: Task) -> Step {
    let ended = Ended::succeeded(policy.at);
    settle_end(policy, &mut task, &ended);
    succeed(policy, task, ended)
}

pub(super) fn not_started(policy: &Policy<'_>, mut task: Task, reason: String) -> Step {
    let Some(attempt) = task.attempt.as_mut() else {
        return ignore(task, "it has no attempt");
    };
    match attempt.kill_cause {
        Some(KillCause::Timeout) => {
            attempt.ended_at = Some(policy.at);
            task.ended_at = Some(policy.at);
            return fail_by_time(policy, task, Some(reason));
        }
        Some(KillCause::Stop | KillCause::Strategy) => {
            attempt.ended_at = Some(policy.at);
            task.ended_at = Some(policy.at);
            return close_killed(task, &format!("never started: {reason}"));
        }
        None if attempt.state == AttemptState::Running => {
            return ignore(task, "it had started");
        }
        None => {}
    }
    attempt.uid = None;
    attempt.worker = None;
    attempt.error = Some(reason.clone());
    go_on(policy, task, &format!("not started: {reason}"))
}

pub(super) fn lose(policy: &Policy<'_>, mut task: Task, reason: String) -> Step {
    let Some(attempt) = task.attempt.as_mut() else {
        return ignore(task, "it has no attempt");
    };
    attempt.ended_at = Some(policy.at);
    task.ended_at = Some(policy.at);
    let cause = attempt.kill_cause;
    if cause == Some(KillCause::Timeout) {
        return fail_by_time(policy, task, Some(format!("its worker was lost: {reason}")));
    }
    attempt.state = AttemptState::Lost;
    attempt.error = Some(reason.clone());
    task.lost_in_run += 1;
    task.due_at = None;
    let why = format!("attempt {} was lost: {reason}", task.attempts);
    if cause.is_some() {
        // Whoever says that it is lost also says whether its processes could be checked.
        return rest(task, TaskState::Killed, why);
    }
    if policy.task.on_worker_lost == OnWorkerLost::Fail {
        return rest(task, TaskState::Failed, why);
    }
    if task.lost_in_run >= MOST_LOST {
        let why = format!("{why}; {MOST_LOST} attempts of this run were lost");
        return rest(task, TaskState::Failed, why);
    }
    go_on(policy, task, &why)
}

/// Says what the loss of an attempt waits for; one that is being killed says so already.
pub(super) fn hold_back(task: Task, reason: String) -> Step {
    let doomed = |attempt: &Attempt| attempt.kill_cause.is_some();
    if task.attempt.as_ref().is_some_and(doomed) {
        return ignore(task, "it is being killed");
    }
    wait_on(task, reason)
}

/// Puts a task whose attempt came to nothing where the instance lets it be.
fn go_on(policy: &Policy<'_>, task: Task, why: &str) -> Step {
    match policy.mode {
        Mode::Open => admit(policy, task, why),
        Mode::Pausing => rest(task, TaskState::NotRun, format!("paused; {why}")),
        Mode::Ending => never_start(policy, task, format!("{why}; the instance ends")),
    }
}

pub(super) fn run_out_of_time(policy: &Policy<'_>, mut task: Task) -> Step {
    let limit = policy.task.timeout_ms.unwrap_or_default();
    let text = format!("attempt {} runs longer than {}", task.attempts, Span(limit));
    task.due_at = None;
    let mut asks = Vec::new();
    if policy.task.on_timeout != OnTimeout::Fail {
        asks.push(Ask::Warn(text.clone()));
    }
    if !policy.task.on_timeout.fails() {
        task.reason = Some(text.clone());
        return changed(task, text, asks);
    }
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.kill_cause = Some(KillCause::Timeout);
    }
    task.reason = Some(format!("{text}; waits for its worker to confirm the kill"));
    asks.push(Ask::Kill);
    changed(task, text, asks)
}

pub(super) fn hold(task: Task) -> Step {
    rest(task, TaskState::NotRun, "paused")
}

pub(super) fn never_start(policy: &Policy<'_>, mut task: Task, reason: String) -> Step {
    if let Some(attempt) = task.attempt.as_mut().filter(|attempt| attempt.state.is_open()) {
        attempt.state = AttemptState::Killed;
        attempt.ended_at = Some(policy.at);
        attempt.error = Some("never started".to_owned());
    }
    rest(task, TaskState::NotRun, reason)
}

pub(super) fn kill(policy: &Policy<'_>, mut task: Task, cause: KillCause, reason: String) -> Step {
    let Some(attempt) = task.attempt.as_mut() else {
        return ignore(task, "it has no attempt");
    };
    if attempt.uid.is_none() {
        attempt.ended_at = Some(policy.at);
        task.ended_at = Some(policy.at);
        return close_killed(task, &reason);
    }
    if attempt.kill_cause.is_some() {
        return unchanged(task, vec![Ask::Kill]);
    }
    attempt.kill_cause = Some(cause);
    task.due_at = None;
    task.reason = Some(reason.clone());
    changed(task, reason, vec![Ask::Kill])
}

pub(super) fn again(mut task: Task) -> Step {
    task.attempts_before_run = task.attempts;
    task.lost_in_run = 0;
    task.state = TaskState::Pending;
    task.reason = None;
    changed(task, "resumed", Vec::new())
}

pub(super) fn force(policy: &Policy<'_>, mut task: Task) -> Step {
    task.outputs = policy
        .task
        .outputs
        .iter()
        .filter_map(|output| Some((output.name.clone(), output.default.clone()?)))
        .collect();
    task.ended_at.get_or_insert(policy.at);
    rest(task, TaskState::ForcedSuccess, "declared a success by a person")
}
