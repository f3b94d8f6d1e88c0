//! The effect of a passed due time on an instance.

use super::draft::InstanceDraft;
use super::reasons::time_limit_reason;
use crate::states::OnTimeout;
use crate::task::TaskEvent;

/// Acts on everything that is due by the time of the batch: the instance's limit, then delays, retry waits and
/// time limits of tasks.
pub(super) fn fire_due(draft: &mut InstanceDraft<'_>) {
    if draft.record().is_idle() {
        return draft.ignore(format!("it is idle ({})", draft.record().state));
    }
    draft.requests_mut().wake();
    let at = draft.at();
    let is_instance_due = draft.record().due_at.is_some_and(|due| due <= at);
    if is_instance_due {
        time_out(draft);
    }
    let tasks = draft.rows().due_by(at);
    if !is_instance_due && tasks.is_empty() {
        draft.ignore("nothing is due".to_owned());
    }
    for task_index in tasks {
        if draft.rows().get(task_index).and_then(|row| row.due_at).is_some() {
            draft.step_task(task_index, TaskEvent::Due);
        }
    }
}

/// Moves every due time, and requests the next one again.
pub(super) fn move_due_times(draft: &mut InstanceDraft<'_>, by_ms: i64) {
    draft.requests_mut().wake();
    let record = draft.record_mut();
    record.due_at = record.due_at.map(|due| due.plus(by_ms));
    draft.rows_mut().move_due_times(by_ms);
}

fn time_out(draft: &mut InstanceDraft<'_>) {
    let text = time_limit_reason(draft);
    draft.record_mut().time_out();
    draft.note_instance(text.clone());
    draft.raise_time_out(&text);
    if draft.plan().definition.on_timeout != OnTimeout::Fail {
        draft.requests_mut().warn(None, text);
    }
}
