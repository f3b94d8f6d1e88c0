//! The transitions of a task that a person declares a success.

use super::row::Task;
use super::step::{StepContext, TaskEffect, TaskStep};
use crate::attempt::{AttemptEnd, AttemptResult};
use crate::states::{AttemptState, KillCause, TaskState};
use crate::task_type::WatchKind;

/// Returns the reason that a task shows until a worker confirms the kill of its attempt.
pub(super) fn reason_until_killed(reason: &str) -> String {
    format!("{reason}; waits for its worker to confirm the kill")
}

/// Declares a task a success: its outputs are the declared defaults. An attempt that no worker has is over.
pub(super) fn force(context: &StepContext<'_>, mut task: Task, reason: String) -> TaskStep {
    if let Some(attempt) = task.attempt.as_mut().filter(|attempt| attempt.state.is_open()) {
        attempt.error = Some(if attempt.is_unbound() {
            "never started".to_owned()
        } else {
            reason.clone()
        });
        attempt.state = AttemptState::Killed;
        attempt.ended_at = Some(context.at);
    }
    task.progress = None;
    task.outputs = context
        .task
        .outputs
        .iter()
        .filter_map(|output| Some((output.name.clone(), output.default.clone()?)))
        .collect();
    task.ended_at.get_or_insert(context.at);
    TaskStep::entered(task, TaskState::ForcedSuccess, reason)
}

/// Kills the attempt of a task that becomes a success by that. One that waits in the owner is over at once, unless
/// children have to end first.
pub(super) fn force_after_kill(context: &StepContext<'_>, mut task: Task, reason: String) -> TaskStep {
    let kind = context.site.watch_kind();
    let Some(attempt) = task.attempt.as_mut().filter(|attempt| attempt.state.is_open()) else {
        return force(context, task, reason);
    };
    let is_at_worker = attempt.uid.is_some();
    if !is_at_worker && kind.is_none_or(WatchKind::ends_at_once) {
        return force(context, task, reason);
    }
    let is_repeated = attempt.kill_cause == Some(KillCause::Skip);
    attempt.kill_cause = Some(KillCause::Skip);
    // Shown with the attempt until it is over, and then with the task.
    attempt.error = Some(reason.clone());
    if !is_at_worker {
        return await_children(task, &reason);
    }
    if is_repeated {
        return TaskStep::unchanged(task, vec![TaskEffect::Kill]);
    }
    task.due_at = None;
    task.reason = Some(reason_until_killed(&reason));
    TaskStep::changed(task, reason, vec![TaskEffect::Kill])
}

/// Waits until the children of a killed attempt have ended.
fn await_children(mut task: Task, reason: &str) -> TaskStep {
    task.state = TaskState::Running;
    task.due_at = None;
    task.reason = Some(format!("{reason}; waits for its children to end"));
    TaskStep::changed(task, reason, vec![TaskEffect::Watch])
}

/// Takes the reason that a person gave for the kill of an attempt which is over now.
pub(super) fn take_kill_reason(task: &mut Task) -> Option<String> {
    task.attempt.as_mut()?.error.take()
}

/// Ends the attempt of a skipped task as it says, and declares the task a success.
pub(super) fn force_ended(context: &StepContext<'_>, mut task: Task, ended: AttemptEnd) -> TaskStep {
    let reason = take_kill_reason(&mut task).unwrap_or_else(|| "skipped".to_owned());
    if let Some(attempt) = task.attempt.as_mut() {
        attempt.state = match ended.result {
            AttemptResult::Succeeded => AttemptState::Succeeded,
            AttemptResult::Failed | AttemptResult::TimedOut => AttemptState::Failed,
            AttemptResult::Killed => AttemptState::Killed,
        };
        attempt.error = ended.error;
    }
    force(context, task, reason)
}
