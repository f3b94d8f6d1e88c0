//! The outputs of earlier tasks: of each name that of the nearest ancestor.

use std::collections::{BTreeMap, VecDeque};

use crate::ids::TaskIndex;
use crate::plan::Plan;

/// Collects the outputs that a task sees: of its ancestors only, the nearest wins, and of two equally near the
/// one whose edge is declared first. Timing has no part in it.
pub fn upstream_outputs<'a>(
    plan: &'a Plan,
    task_index: TaskIndex,
    outputs_of: &dyn Fn(TaskIndex) -> Option<&'a BTreeMap<String, String>>,
) -> BTreeMap<String, String> {
    let givers = upstream_givers(plan, task_index, outputs_of).into_iter();
    let outputs =
        givers.filter_map(|(name, giver)| Some((name.to_owned(), outputs_of(giver)?.get(name)?.clone())));
    outputs.collect()
}

/// Returns for each output that a task sees the task that gives it.
pub(crate) fn upstream_givers<'a>(
    plan: &'a Plan,
    task_index: TaskIndex,
    outputs_of: &dyn Fn(TaskIndex) -> Option<&'a BTreeMap<String, String>>,
) -> BTreeMap<&'a str, TaskIndex> {
    let mut givers = BTreeMap::new();
    // Most workflows hand on nothing: then the walk through all ancestors is spared.
    if plan.definition.tasks.iter().all(|task| task.outputs.is_empty()) {
        return givers;
    }
    let preds = |task_index: TaskIndex| {
        plan.nodes
            .get(task_index.as_usize())
            .map_or(&[][..], |node| &node.preds)
            .iter()
            .map(|need| need.task)
    };
    let mut visited = vec![false; plan.nodes.len()];
    let mut queue: VecDeque<TaskIndex> = preds(task_index).collect();
    while let Some(next) = queue.pop_front() {
        let Some(new) = visited.get_mut(next.as_usize()).filter(|visited| !**visited) else {
            continue;
        };
        *new = true;
        let outputs = outputs_of(next).into_iter();
        for (name, _) in outputs.flat_map(|outputs| plan.declared_outputs(next, outputs)) {
            givers.entry(name.as_str()).or_insert(next);
        }
        queue.extend(preds(next));
    }
    givers
}
