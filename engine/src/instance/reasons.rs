//! The readable reason of an instance's state.

use super::draft::InstanceDraft;
use crate::spec::duration::HumanDuration;
use crate::states::InstanceState;

/// Sets what an open instance waits for.
pub(super) fn set_reason(draft: &mut InstanceDraft<'_>) {
    let reason = match draft.record().state {
        InstanceState::Running if draft.record().started_at.is_none() => return,
        InstanceState::Running | InstanceState::Pausing if draft.is_ending() => {
            let failure = failure_reason(draft);
            Some(format!("ending, {failure}{}", awaited_kill(draft)))
        }
        InstanceState::Running if draft.record().timed_out => Some(time_limit_reason(draft)),
        InstanceState::Running => None,
        InstanceState::Pausing => Some("pausing; running attempts may end".to_owned()),
        InstanceState::Stopping => Some(format!("stopping{}", awaited_kill(draft))),
        InstanceState::Queued
        | InstanceState::Paused
        | InstanceState::Stopped
        | InstanceState::Failed
        | InstanceState::Succeeded => return,
    };
    draft.record_mut().reason = reason;
}

/// Returns what makes the instance end as failed.
pub(super) fn failure_reason(draft: &InstanceDraft<'_>) -> String {
    if draft.record().timed_out && draft.plan().definition.on_timeout.fails() {
        return time_limit_reason(draft);
    }
    let first = draft.rows().first_standing();
    let Some((name, row)) = first.and_then(|o| Some((&draft.plan().task(o)?.name, draft.rows().get(o)?)))
    else {
        return "no task can start".to_owned();
    };
    let why = row.reason.as_deref().unwrap_or("without a reason");
    format!("task `{name}` is {}: {why}", row.state)
}

/// Returns that the instance's time limit has passed.
pub(super) fn time_limit_reason(draft: &InstanceDraft<'_>) -> String {
    let limit = draft.plan().definition.timeout_ms.unwrap_or_default();
    format!("it ran longer than {}", HumanDuration(limit))
}

/// Names the worker whose confirmation is awaited: that of the first task in document order.
fn awaited_kill(draft: &InstanceDraft<'_>) -> String {
    let named = draft.rows().first_at_worker().and_then(|task_index| {
        let attempt = draft.rows().get(task_index)?.open_attempt()?;
        Some((
            &attempt.worker.as_ref()?.name,
            &draft.plan().task(task_index)?.name,
        ))
    });
    named.map_or_else(String::new, |(worker, task)| {
        format!("; waits for worker {worker} to confirm the kill of task `{task}`")
    })
}
