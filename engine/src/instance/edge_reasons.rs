//! The readable reasons of what edges decide about a task; each names a predecessor.

use super::row_overlay::RowOverlay;
use crate::ids::TaskIndex;
use crate::plan::Plan;
use crate::plan::branches::{BRANCH_OUTPUT, RESULT_OUTPUT};
use crate::plan::propagation::deviating_edges;
use crate::plan::trigger_rule::{EdgeState, Outcome};
use crate::spec::model::Predecessor;

/// Returns why a task can never start: the first of its dead edges in document order.
pub(super) fn never_start_reason(plan: &Plan, rows: &RowOverlay<'_>, task_index: TaskIndex) -> String {
    let Some(need) = first_edge(plan, rows, (task_index, EdgeState::Dead)) else {
        return "a predecessor failed".to_owned();
    };
    let awaited = need.on.awaited();
    let became = if rows.outcome_of(need.task) == Some(Outcome::NeverStarts) {
        "cannot start".to_owned()
    } else {
        format!("is {}", rows.state_of(need.task))
    };
    format!("{} {became}; this task waits for {awaited}", name(plan, need))
}

/// Returns why a task is skipped: the first task that turned it down, else the first of its closed edges in document order,
/// or else of its void ones.
pub(super) fn skip_reason(plan: &Plan, rows: &RowOverlay<'_>, task_index: TaskIndex) -> String {
    if let Some(need) = first_edge(plan, rows, (task_index, EdgeState::TurnedDown)) {
        return format!("{} {}", name(plan, need), chosen(rows, need));
    }
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
    preds.find(|need| {
        let outcome = rows.outcome_of(need.task);
        let deviating = deviating_edges(plan, need.task, outcome);
        let by_rule = || need.on.edge_state(outcome);
        deviating.get(&task_index).copied().unwrap_or_else(by_rule) == state
    })
}

/// Says what a task chose instead.
fn chosen(rows: &RowOverlay<'_>, need: &Predecessor) -> String {
    let output = |key: &str| rows.get(need.task).and_then(|row| row.outputs.get(key));
    match (output(RESULT_OUTPUT), output(BRANCH_OUTPUT).map(String::as_str)) {
        (Some(result), _) => format!("is {result}, and this task runs otherwise only"),
        (None, None | Some("")) => "chose nothing".to_owned(),
        (None, Some(names)) => format!("chose {names}"),
    }
}

fn name(plan: &Plan, need: &Predecessor) -> String {
    let task = plan.definition.task(need.task);
    format!("task `{}`", task.map_or("?", |task| task.name.as_str()))
}
