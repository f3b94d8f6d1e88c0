//! The tasks that a start or a run is about.

use std::collections::BTreeSet;

use super::trigger_rule::Edge;
use crate::ids::TaskIndex;
use crate::spec::model::Definition;
use crate::start::Start;
use crate::states::Scope;

/// Returns which tasks a start is about.
pub(super) fn range(definition: &Definition, start: &Start, succs: &[Vec<Edge>]) -> Vec<bool> {
    let tasks = &definition.tasks;
    if start.tasks.is_empty() || start.scope == Scope::All {
        return vec![true; tasks.len()];
    }
    let names: BTreeSet<&str> = start.tasks.iter().map(String::as_str).collect();
    let chosen = (0..)
        .map(TaskIndex)
        .zip(tasks)
        .filter(|(_, task)| names.contains(task.name.as_str()))
        .map(|(task_index, _)| task_index)
        .collect();
    match start.scope {
        Scope::All | Scope::Only => reach(chosen, tasks.len(), |_| [].into_iter()),
        Scope::Upstream => reach(chosen, tasks.len(), |o| {
            tasks[o.as_usize()].needs.iter().map(|need| need.task)
        }),
        Scope::Downstream => reach(chosen, tasks.len(), |o| {
            succs[o.as_usize()].iter().map(|edge| edge.task)
        }),
    }
}

/// Returns which tasks are reached from the chosen ones.
pub(super) fn reach<I: Iterator<Item = TaskIndex>>(
    chosen: Vec<TaskIndex>,
    tasks: usize,
    next: impl Fn(TaskIndex) -> I,
) -> Vec<bool> {
    let mut inside = vec![false; tasks];
    let mut todo = chosen;
    while let Some(task_index) = todo.pop() {
        if !std::mem::replace(&mut inside[task_index.as_usize()], true) {
            todo.extend(next(task_index));
        }
    }
    inside
}
