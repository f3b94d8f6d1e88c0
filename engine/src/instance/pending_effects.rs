//! The effects that a stored instance still needs.

use super::effect::Effect;
use super::record::InstanceRecord;
use super::state::Instance;
use crate::ids::{TaskIndex, Timestamp};
use crate::plan::Plan;
use crate::states::{AttemptState, InstanceState};
use crate::task::{Task, Wait, goal_of};

/// Derives everything that the stored state needs from the outside; nothing when it is idle.
///
/// Doing any of it again is harmless: each names the attempt that it means.
pub fn pending_effects(plan: &Plan, instance: &Instance) -> Vec<Effect> {
    if instance.record().is_idle() {
        return Vec::new();
    }
    let active = instance.counters.active.iter().copied();
    let mut effects: Vec<Effect> = active
        .filter_map(|task_index| {
            let task = instance.task(task_index)?;
            for_task(plan, instance.record().state, task_index, task)
        })
        .collect();
    effects.sort();
    let first = instance.counters.due.first().map(|(due, _)| *due);
    effects.extend(wake_up(instance.record(), first));
    effects
}

/// Returns what one active task needs while its instance is in this state.
pub(super) fn for_task(
    plan: &Plan,
    instance: InstanceState,
    task_index: TaskIndex,
    task: &Task,
) -> Option<Effect> {
    match task.wait() {
        Some(Wait::Slot) => return Some(Effect::RequestSlot { task_index }),
        // One timer serves every due time of the instance.
        Some(Wait::DueTime) => return None,
        None => {}
    }
    // What a pause suspended in the owner keeps its attempt and waits for nothing.
    let attempt = task.open_attempt().filter(|_| task.state.is_active())?;
    match (attempt.uid, attempt.kill_cause, attempt.state) {
        (Some(uid), Some(cause), _) => Some(Effect::Kill {
            task_index,
            uid,
            cause,
        }),
        (Some(uid), None, AttemptState::Created) => Some(Effect::Dispatch { task_index, uid }),
        (None, _, AttemptState::Running) => {
            let attempt = attempt.number;
            let kind = plan
                .task(task_index)
                .and_then(|task| plan.site_of(task).watch_kind());
            Some(match kind {
                None => Effect::CompleteInline { task_index, attempt },
                Some(kind) => Effect::Watch {
                    task_index,
                    attempt,
                    kind,
                    goal: goal_of(task, instance),
                },
            })
        }
        (Some(_), None, _) | (None, _, _) => None,
    }
}

/// Returns the request to be woken at the earliest due time, of the instance or a task.
pub(super) fn wake_up(record: &InstanceRecord, task_due: Option<Timestamp>) -> Option<Effect> {
    let at = record.due_at.into_iter().chain(task_due).min()?;
    Some(Effect::WakeAt { at })
}
