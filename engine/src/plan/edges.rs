//! The edges between tasks, and what each means.

use std::collections::BTreeMap;

use super::branches::BranchTable;
use super::trigger_rule::{Edge, Naming, TriggerRule};
use crate::ids::TaskIndex;
use crate::spec::model::{Definition, TaskDefinition};
use crate::task_type::conditions::CONDITIONS;

/// Returns the edges from every task, in the order of the document.
pub(super) fn successors(
    definition: &Definition,
    branches: &BTreeMap<TaskIndex, BranchTable>,
) -> Vec<Vec<Edge>> {
    let mut succs = vec![Vec::new(); definition.tasks.len()];
    for (task, successor) in (0..).map(TaskIndex).zip(&definition.tasks) {
        for need in &successor.needs {
            let is_named = branches
                .get(&need.task)
                .is_some_and(|branches| branches.names(task));
            succs[need.task.as_usize()].push(Edge {
                task,
                rule: rule_of(successor, need.on),
                naming: if is_named { Naming::Named } else { Naming::Unnamed },
                handles: need.on == TriggerRule::OnFailure || is_conditions(successor),
            });
        }
    }
    succs
}

fn is_conditions(task: &TaskDefinition) -> bool {
    task.action.type_name() == CONDITIONS.name
}

/// Returns the rule of an edge to a task: conditions are evaluated whatever became of what they need.
pub(super) fn rule_of(successor: &TaskDefinition, rule: TriggerRule) -> TriggerRule {
    if is_conditions(successor) {
        return TriggerRule::OnSettled;
    }
    rule
}

/// Counts the successors that handle a failure; none do when another one waits for the success.
pub(super) fn handlers(succs: &[Edge]) -> u32 {
    if succs.iter().any(|edge| edge.rule == TriggerRule::OnSuccess) {
        return 0;
    }
    let handlers = succs.iter().filter(|edge| edge.handles).count();
    u32::try_from(handlers).unwrap_or(u32::MAX)
}
