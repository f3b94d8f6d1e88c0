//! The step function of a task.

use super::ends::{complete_inline, end, expire_wait, suspend_retry, wait_for_retry};
use super::force::{force, force_after_kill};
use super::owner_attempts;
use super::report::TaskReport;
use super::row::Task;
use super::step::{InstanceMode, StepContext, TaskEffect, TaskEvent, TaskStep};
use super::transitions::{
    abandon, become_ready, bind, cancel, defer_loss, enqueue, kill, kill_wait, mark_lost, mark_not_started,
    mark_started, suspend, time_out, wait_for_room, wait_for_worker,
};
use crate::attempt::AttemptEvent;
use crate::ids::{AttemptNumber, DispatchId, Timestamp};
use crate::states::TaskState;
use crate::task_type::WatchKind;

/// Returns what the event makes of the task.
// One match over every pair is the point of this function.
#[allow(clippy::too_many_lines)]
pub fn step(context: &StepContext<'_>, task: Task, event: TaskEvent) -> TaskStep {
    use AttemptEvent::{Ended, LossDeferred, Lost, NotStarted, Started};
    use TaskEvent as E;
    use TaskReport as R;
    use TaskState::{
        Delayed, Dispatched, Failed, ForcedSuccess, Killed, NotRun, Pending, Running, Skipped, Succeeded,
        Waiting, WaitingRetry,
    };
    match (task.state, event) {
        (Pending, E::Ready) => become_ready(context, task),
        (
            Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess | Failed
            | Killed | Skipped | NotRun,
            E::Ready,
        ) => TaskStep::ignored(task, "it was ready before"),

        (Pending, E::Skip { reason }) => TaskStep::entered(task, Skipped, reason),
        (Pending, E::NeverStart { reason }) => TaskStep::entered(task, NotRun, reason),
        (Pending, E::CannotStart { reason }) => TaskStep::entered(task, Failed, reason),
        (
            Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess | Failed
            | Killed | Skipped | NotRun,
            E::Skip { .. } | E::NeverStart { .. } | E::CannotStart { .. },
        ) => TaskStep::ignored(task, "its edges decided before"),

        (Running, E::Opened(opening)) => owner_attempts::open(context, task, opening),
        (
            Pending | Delayed | Waiting | Dispatched | WaitingRetry | Succeeded | ForcedSuccess | Failed
            | Killed | Skipped | NotRun,
            E::Opened(_),
        ) => TaskStep::ignored(task, "no attempt of it begins"),

        (Waiting, E::Report(R::SlotGranted { worker, .. })) if context.mode == InstanceMode::Open => {
            bind(context, task, worker)
        }
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Report(R::SlotGranted { .. }),
        ) => refuse_slot(task),

        (Waiting, E::Report(R::NoSlot { reason, .. })) => wait_for_worker(context, task, reason),
        (Waiting, E::Report(R::RoomFound { .. })) => TaskStep::unchanged(task, vec![TaskEffect::RequestSlot]),
        (Waiting, E::Report(R::NoRoom { reason, .. })) => wait_for_room(task, reason),
        (
            Pending | Delayed | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess | Failed
            | Killed | Skipped | NotRun,
            E::Report(R::NoSlot { .. } | R::RoomFound { .. } | R::NoRoom { .. }),
        ) => TaskStep::ignored(task, "it does not wait for a slot"),

        (Dispatched | Running, E::Report(R::Attempt { uid, event })) if is_open(&task, uid) => {
            match (task.state, event) {
                (Dispatched, Started { pid, at }) => mark_started(context, task, pid, at),
                (_, Started { .. }) => stale(task, uid),
                (_, Ended(ended)) => end(context, task, ended),
                (_, NotStarted { reason }) => mark_not_started(context, task, reason),
                (_, Lost { reason }) => mark_lost(context, task, reason),
                (_, LossDeferred { reason }) => defer_loss(task, reason),
            }
        }
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Report(R::Attempt { uid, .. }),
        ) => stale(task, uid),

        (Running, E::Report(R::CompletedInline { attempt, .. })) if is_in_owner(&task, attempt) => {
            complete_inline(context, task)
        }
        (
            Running,
            E::Report(R::Observed {
                attempt, observation, ..
            }),
        ) if is_in_owner(&task, attempt) => owner_attempts::observe(context, task, &observation),
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Report(R::CompletedInline { .. } | R::Observed { .. }),
        ) => TaskStep::ignored(task, "no such attempt runs in the owner"),

        (Delayed, E::Due) if is_due(&task, context.at) => enqueue(context, task, "its delay has passed"),
        (WaitingRetry, E::Due) if is_due(&task, context.at) => enqueue(context, task, "its wait has passed"),
        (Waiting, E::Due) if is_due(&task, context.at) => expire_wait(context, task),
        (Running, E::Due) if is_due(&task, context.at) => match context.site.watch_kind() {
            Some(kind) => owner_attempts::expire(context, task, kind),
            None => time_out(context, task),
        },
        (
            Pending | Delayed | Waiting | Dispatched | Running | WaitingRetry | Succeeded | ForcedSuccess
            | Failed | Killed | Skipped | NotRun,
            E::Due,
        ) => TaskStep::ignored(task, "nothing of it is due"),

        (Delayed | Waiting, E::Suspend) => suspend(task),
        (WaitingRetry, E::Suspend) => {
            suspend_retry(task, "paused; its wait for the next attempt starts again")
        }
        (Running, E::Suspend) => match watched_kind(context, &task) {
            Some(kind) => owner_attempts::suspend(context, task, kind),
            None => TaskStep::ignored(task, "its attempt may end"),
        },
        (
            Pending | Dispatched | Succeeded | ForcedSuccess | Failed | Killed | Skipped | NotRun,
            E::Suspend,
        ) => TaskStep::ignored(task, "nothing of it can be suspended"),

        (WaitingRetry, E::Resumed) => wait_for_retry(context, task, context.at, "resumed"),
        (
            Pending | Delayed | Waiting | Dispatched | Running | Succeeded | ForcedSuccess | Failed | Killed
            | Skipped | NotRun,
            E::Resumed,
        ) => TaskStep::ignored(task, "it was not suspended"),

        (Delayed | Waiting, E::End { reason, .. }) => cancel(context, task, reason),
        (NotRun | Pending, E::End { cause, reason }) if watched_kind(context, &task).is_some() => {
            kill(context, task, cause, reason)
        }
        (NotRun, E::End { reason, .. }) => cancel(context, task, reason),
        (Pending, E::End { reason, .. }) if task.has_idle_attempt() => cancel(context, task, reason),
        (WaitingRetry, E::End { cause, reason }) => kill_wait(task, cause, reason),
        (Dispatched | Running, E::End { cause, reason }) => kill(context, task, cause, reason),
        (Pending | Succeeded | ForcedSuccess | Failed | Killed | Skipped, E::End { .. }) => {
            TaskStep::ignored(task, "nothing of it runs")
        }

        (WaitingRetry, E::Abandon) => abandon(task),
        (
            Pending | Delayed | Waiting | Dispatched | Running | Succeeded | ForcedSuccess | Failed | Killed
            | Skipped | NotRun,
            E::Abandon,
        ) => TaskStep::ignored(task, "it does not wait for an attempt"),

        (Pending | Delayed | Waiting | WaitingRetry | Failed | Killed, E::Force { reason }) => {
            force(context, task, reason)
        }
        (Dispatched | Running | NotRun, E::Force { reason }) => force_after_kill(context, task, reason),
        (Succeeded | ForcedSuccess | Skipped, E::Force { .. }) => {
            TaskStep::ignored(task, "it counts as a success")
        }
    }
}

fn is_open(task: &Task, uid: DispatchId) -> bool {
    task.open_attempt()
        .is_some_and(|attempt| attempt.uid == Some(uid))
}

fn is_in_owner(task: &Task, attempt: AttemptNumber) -> bool {
    task.open_attempt()
        .is_some_and(|open| open.is_in_owner() && open.number == attempt)
}

/// Returns what the open attempt of a task waits for in the owner, unless it is being killed.
fn watched_kind(context: &StepContext<'_>, task: &Task) -> Option<WatchKind> {
    let attempt = task.open_attempt().filter(|attempt| attempt.is_in_owner())?;
    let kind = context.site.watch_kind()?;
    attempt.kill_cause.is_none().then_some(kind)
}

fn is_due(task: &Task, at: Timestamp) -> bool {
    task.due_at.is_some_and(|due| due <= at)
}

fn stale(task: Task, uid: DispatchId) -> TaskStep {
    let what = if task.is_dispatch(uid) {
        "reported before"
    } else {
        "of another attempt"
    };
    let reason = format!("{uid}: {what} ({})", task.state);
    TaskStep::unchanged(task, vec![TaskEffect::Ignore(reason)])
}

fn refuse_slot(task: Task) -> TaskStep {
    let mut step = TaskStep::ignored(task, "it needs no slot");
    step.effects.push(TaskEffect::CancelSlot);
    step
}
