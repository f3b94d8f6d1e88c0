//! The metrics of instances and tasks, from the changes of stored commits.

use engine::ids::{TaskIndex, Timestamp};
use engine::instance::Changes;
use engine::states::TaskState;
use engine::task::Task;

use crate::execution::running_instance::RunningInstance;

/// Counts what a commit ended or repeated. Called after the commit is stored, with the state before it.
pub(crate) fn record_commit(before: &RunningInstance, changes: &Changes, at: Timestamp) {
    for (task_index, task) in &changes.tasks {
        record_task(before, *task_index, task);
    }
    let Some(record) = &changes.record else { return };
    if !record.state.is_final() || before.state.record().state.is_final() {
        return;
    }
    let state = record.state.as_str();
    metrics::counter!("porpoise_instances_total", "state" => state).increment(1);
    let started_at = record.started_at.unwrap_or(before.state.rows.created_at);
    let duration_ms = at.since(started_at).max(0);
    metrics::histogram!("porpoise_instance_duration_seconds", "state" => state)
        .record(duration_ms as f64 / 1_000.0);
}

fn record_task(before: &RunningInstance, task_index: TaskIndex, task: &Task) {
    let row = before.state.task(task_index);
    if has_ended(task.state) && !row.is_some_and(|row| has_ended(row.state)) {
        let definition = before.plan.definition.task(task_index);
        let kind = definition.map_or("unknown", |task| task.action.type_name());
        metrics::counter!("porpoise_tasks_total", "type" => kind, "state" => task.state.as_str())
            .increment(1);
    }
    let attempts_before = row.map_or(0, |row| row.attempts);
    if task.attempts > attempts_before && task.attempts > task.attempts_before_run + 1 {
        metrics::counter!("porpoise_task_retries_total").increment(1);
    }
}

fn has_ended(state: TaskState) -> bool {
    !state.is_active() && state != TaskState::Pending
}
