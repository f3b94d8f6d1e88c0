//! The readable reasons of what edges decide about a task; each names a predecessor.

use super::row_overlay::RowOverlay;
use crate::ids::TaskIndex;
use crate::plan::Plan;
use crate::plan::trigger_rule::{EdgeState, Outcome, TriggerRule};
use crate::spec::model::Predecessor;

/// Returns why a task can never start: the first of its dead edges in document order.
pub(super) fn never_start_reason(plan: &Plan, rows: &RowOverlay<'_>, task_index: TaskIndex) -> String {
    let Some(need) = first_edge(plan, rows, (task_index, EdgeState::Dead)) else {
        return "a predecessor failed".to_owned();
    };
    let awaited = match need.on {
        TriggerRule::OnSuccess => "its success",
        TriggerRule::OnFailure => "its failure",
        TriggerRule::OnSettled => "its end",
    };
    let became = if rows.outcome_of(need.task) == Some(Outcome::NeverStarts) {
        "cannot start".to_owned()
    } else {
        format!("is {}", rows.state_of(need.task))
    };
    format!("{} {became}; this task waits for {awaited}", name(plan, need))
}

/// Returns why a task is skipped: the first of its closed edges in document order, or else of its void ones.
pub(super) fn skip_reason(plan: &Plan, rows: &RowOverlay<'_>, task_index: TaskIndex) -> String {
    if let Some(need) = first_edge(plan, rows, (task_index, EdgeState::Closed)) {
        return format!(
            "{} succeeded; this task runs after its failure only",
            name(plan, need)
        );
    }
    match first_edge(plan, rows, (task_index, EdgeState::Void)) {
        Some(need) => format!(
            "{} is skipped, as is everything else that it needs",
            name(plan, need)
        ),
        None => "everything that it needs is skipped".to_owned(),
    }
}

fn first_edge<'a>(
    plan: &'a Plan,
    rows: &RowOverlay<'_>,
    (task_index, state): (TaskIndex, EdgeState),
) -> Option<&'a Predecessor> {
    let mut preds = plan.deciding_preds(task_index);
    preds.find(|need| need.on.edge_state(rows.outcome_of(need.task)) == state)
}

fn name(plan: &Plan, need: &Predecessor) -> String {
    let task = plan.definition.task(need.task);
    format!("task `{}`", task.map_or("?", |task| task.name.as_str()))
}
