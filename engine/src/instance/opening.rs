//! How an attempt that runs in the owner begins, decided in the commit in which it starts.

mod approvals;
mod children;
mod decisions;
mod dependencies;

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::InstanceDraft;
use crate::attempt::AttemptEnd;
use crate::dependent::DependencyProgress;
use crate::ids::{AttemptNumber, DispatchId, TaskIndex};
use crate::params::{TimeBase, task_values};
use crate::spec::model::TaskDefinition;
use crate::task::{Opening, Task};
use crate::task_type::WatchKind;

/// Decides how the open attempt of a task begins. A type without an arm of its own waits for its first observation.
pub(super) fn open_attempt(
    draft: &InstanceDraft<'_>,
    task_index: TaskIndex,
    task: &TaskDefinition,
) -> Opening {
    if let Some(end) = decisions::decide(draft, task_index, task) {
        return Opening::Ends(end);
    }
    let Some(row) = draft.rows().get(task_index) else {
        return waits(task);
    };
    let at = draft.at();
    match task.action.site().watch_kind() {
        Some(WatchKind::Children) => with_values(draft, task_index, row, |values| {
            children::open(task, row, values, at)
        }),
        Some(WatchKind::Dependencies) => {
            let progress = DependencyProgress::new(&draft.plan().start, draft.stored().rows.created_at);
            dependencies::open(task, progress, at)
        }
        Some(WatchKind::Approval) => {
            with_values(draft, task_index, row, |values| approvals::open(task, values, at))
        }
        None => waits(task),
    }
}

fn waits(task: &TaskDefinition) -> Opening {
    Opening::Waits {
        reason: format!("begins as {}", task.action.type_name()),
        failure_wait_ms: None,
        detail: Value::Null,
    }
}

/// Opens an attempt with the parameters that its task sees; without them it fails, and so would the next one.
fn with_values(
    draft: &InstanceDraft<'_>,
    task_index: TaskIndex,
    row: &Task,
    open: impl FnOnce((&BTreeMap<String, String>, TimeBase)) -> Opening,
) -> Opening {
    let rows = &draft.stored().rows;
    let base = draft.plan().start.time_base(rows.created_at);
    let uid = DispatchId {
        generation: rows.generation,
        instance: rows.id,
        task_index,
        attempt: AttemptNumber(row.attempts),
        dispatch_number: 0,
    };
    let outputs_of = |at: TaskIndex| draft.rows().get(at).map(|row| &row.outputs);
    match task_values(draft.plan(), uid, base, &outputs_of, row.overrides.as_deref()) {
        Ok(values) => open((&values, base)),
        Err(error) => Opening::Ends(AttemptEnd::hopeless(&error.to_string(), draft.at())),
    }
}
