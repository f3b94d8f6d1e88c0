//! The step function of a task.

use super::moves::{
    abandon, admit, again, become_ready, bind, end, finish_in_owner, force, hold, hold_back, kill, lose,
    never_start, not_started, run_out_of_time, start, suspend_retry, wait_for_retry, wait_on,
};
use super::{Ask, Mode, Policy, Step, Task, TaskEvent};
use crate::ids::{Millis, Uid};
use crate::states::TaskState;

/// Returns what the event makes of the task.
// One match over every pair is the point of this function.
#[allow(clippy::too_many_lines)]
pub fn step(policy: &Policy<'_>, task: Task, event: TaskEvent) -> Step {
    use TaskEvent as E;
    use TaskState::{
        Delayed, Dispatched, Failed, ForcedSuccess, Killed, NotRun, Pending, Running, Skipped, Succeeded,
        Waiting, WaitingRetry,
    };
    match (task.state, event) {
        (Pending, E::Ready) => become_ready(policy, task),
        (
            Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess | Failed
            | Killed | Skipped | NotRun,
            E::Ready,
        ) => ignore(task, "it was ready before"),

        (Waiting, E::Bound { worker }) if policy.mode == Mode::Open => bind(policy, task, worker),
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Bound { .. },
        ) => refuse_slot(task),

        (Waiting, E::NoSlot { reason }) => wait_on(task, reason),
        (
            Pending | Delayed | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess | Failed
            | Killed | Skipped | NotRun,
            E::NoSlot { .. },
        ) => ignore(task, "it does not wait for a slot"),

        (Dispatched, E::Started { uid, pid, at }) if is_open(&task, uid) => start(policy, task, pid, at),
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Started { uid, .. },
        ) => stale(task, uid),

        (Dispatched | Running, E::Ended { uid, ended }) if is_open(&task, uid) => end(policy, task, ended),
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Ended { uid, .. },
        ) => stale(task, uid),

        (Running, E::FinishedInOwner { attempt })
            if task
                .open_attempt()
                .is_some_and(|a| a.uid.is_none() && a.number == attempt) =>
        {
            finish_in_owner(policy, task)
        }
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::FinishedInOwner { .. },
        ) => ignore(task, "no such attempt runs in the owner"),

        (Dispatched | Running, E::NotStarted { uid, reason }) if is_open(&task, uid) => {
            not_started(policy, task, reason)
        }
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::NotStarted { uid, .. },
        ) => stale(task, uid),

        (Dispatched | Running, E::Lost { uid, reason }) if is_open(&task, uid) => lose(policy, task, reason),
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Lost { uid, .. },
        ) => stale(task, uid),

        (Dispatched | Running, E::HeldBack { uid, reason }) if is_open(&task, uid) => hold_back(task, reason),
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::HeldBack { uid, .. },
        ) => stale(task, uid),

        (Delayed, E::Due) if is_due(&task, policy.at) => admit(policy, task, "its delay is over"),
        (WaitingRetry, E::Due) if is_due(&task, policy.at) => admit(policy, task, "its wait is over"),
        (Running, E::Due) if is_due(&task, policy.at) => run_out_of_time(policy, task),
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Due,
        ) => ignore(task, "nothing of it is due"),

        (Delayed | Waiting, E::Hold) => hold(task),
        (WaitingRetry, E::Hold) => suspend_retry(task, "paused; its wait for the next attempt starts anew"),
        (
            Pending | Dispatched | Running | Succeeded | ForcedSuccess | Failed | Killed | Skipped | NotRun,
            E::Hold,
        ) => ignore(task, "it holds nothing back"),

        (WaitingRetry, E::Resumed) => wait_for_retry(policy, task, policy.at, "resumed"),
        (Killed, E::Resumed) => again(task),
        (
            Pending | Delayed | Waiting | Dispatched | Running | Succeeded | ForcedSuccess | Failed | Skipped
            | NotRun,
            E::Resumed,
        ) => ignore(task, "it was not held"),

        (Delayed | Waiting, E::End { reason, .. }) => never_start(policy, task, reason),
        (NotRun | Pending, E::End { reason, .. }) if task.has_unbound_attempt() => {
            never_start(policy, task, reason)
        }
        (WaitingRetry, E::End { reason, .. }) => rest(task, TaskState::Killed, reason),
        (Dispatched | Running, E::End { cause, reason }) => kill(policy, task, cause, reason),
        (Pending | Succeeded | ForcedSuccess | Failed | Killed | Skipped | NotRun, E::End { .. }) => {
            ignore(task, "nothing of it runs")
        }

        (WaitingRetry, E::Abandon) => abandon(task),
        (
            Pending | Delayed | Waiting | Dispatched | Running | Succeeded | ForcedSuccess | Failed | Killed
            | Skipped | NotRun,
            E::Abandon,
        ) => ignore(task, "it does not wait for an attempt"),

        (Pending | Failed | Killed | NotRun, E::Force) => force(policy, task),
        (
            Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess | Skipped,
            E::Force,
        ) => ignore(task, "it has not failed"),
    }
}

pub(super) fn unchanged(task: Task, asks: Vec<Ask>) -> Step {
    Step {
        task,
        why: None,
        asks,
    }
}

pub(super) fn ignore(task: Task, reason: &str) -> Step {
    let reason = format!("{reason} ({})", task.state);
    unchanged(task, vec![Ask::Ignore(reason)])
}

pub(super) fn changed(task: Task, why: impl Into<String>, asks: Vec<Ask>) -> Step {
    Step {
        task,
        why: Some(why.into()),
        asks,
    }
}

fn is_open(task: &Task, uid: Uid) -> bool {
    task.open_attempt()
        .is_some_and(|attempt| attempt.uid == Some(uid))
}

fn is_due(task: &Task, at: Millis) -> bool {
    task.due_at.is_some_and(|due| due <= at)
}

fn stale(task: Task, uid: Uid) -> Step {
    let known = task
        .attempt
        .as_ref()
        .is_some_and(|attempt| attempt.uid == Some(uid));
    let what = if known {
        "heard before"
    } else {
        "of another attempt"
    };
    let reason = format!("{uid}: {what} ({})", task.state);
    unchanged(task, vec![Ask::Ignore(reason)])
}

fn refuse_slot(task: Task) -> Step {
    let mut step = ignore(task, "it wants no slot");
    step.asks.push(Ask::DropSlot);
    step
}

/// Rests in a state, with the reason in the row and in the history.
pub(super) fn rest(mut task: Task, state: TaskState, reason: impl Into<String>) -> Step {
    let reason = reason.into();
    task.state = state;
    task.due_at = None;
    task.reason = Some(reason.clone());
    changed(task, reason, Vec::new())
}
