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
    let mut seen_outputs = BTreeMap::new();
    // Most workflows hand on nothing: then the walk through all ancestors is spared.
    if plan.definition.tasks.iter().all(|task| task.outputs.is_empty()) {
        return seen_outputs;
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
        for (name, value) in outputs.flat_map(|outputs| plan.declared_outputs(next, outputs)) {
            seen_outputs.entry(name.clone()).or_insert_with(|| value.clone());
        }
        queue.extend(preds(next));
    }
    seen_outputs
}
