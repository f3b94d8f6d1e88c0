//! What is to be done outside, derived from what is stored.

use super::{Effect, Header, Instance};
use crate::ids::{Millis, Ordinal};
use crate::plan::Plan;
use crate::states::{AttemptState, TaskState};
use crate::task::Task;

/// Derives everything that the stored state owes to the outside. At rest it owes nothing.
///
/// Doing any of it again is harmless: each names the attempt that it means.
pub fn pending(_plan: &Plan, instance: &Instance) -> Vec<Effect> {
    if rests(&instance.header) {
        return Vec::new();
    }
    let active = instance.counters.active.iter().copied();
    let mut owed: Vec<Effect> = active
        .filter_map(|ordinal| of_task(ordinal, instance.row(ordinal)?))
        .collect();
    owed.sort();
    let first = instance.counters.due.first().map(|(due, _)| *due);
    owed.extend(wake(&instance.header, first));
    owed
}

/// Whether nobody needs to own the instance.
pub(super) fn rests(header: &Header) -> bool {
    header.state.is_at_rest() || header.attention.is_some()
}

/// Returns what one active task owes.
pub(super) fn of_task(ordinal: Ordinal, task: &Task) -> Option<Effect> {
    if task.state == TaskState::Waiting {
        return Some(Effect::WantSlot { ordinal });
    }
    let attempt = task.open_attempt()?;
    match (attempt.uid, attempt.kill_cause, attempt.state) {
        (Some(uid), Some(cause), _) => Some(Effect::Kill { ordinal, uid, cause }),
        (Some(uid), None, AttemptState::Created) => Some(Effect::Dispatch { ordinal, uid }),
        (None, _, AttemptState::Running) => Some(Effect::FinishInOwner {
            ordinal,
            attempt: attempt.number,
        }),
        (Some(_), None, _) | (None, _, _) => None,
    }
}

/// Returns the call for the earliest due time.
pub(super) fn wake(header: &Header, task_due: Option<Millis>) -> Option<Effect> {
    let at = header.due_at.into_iter().chain(task_due).min()?;
    Some(Effect::WakeAt { at })
}
