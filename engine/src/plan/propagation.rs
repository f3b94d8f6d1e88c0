//! The consequences of one changed task along its edges, however far they reach.

use std::collections::BTreeMap;

use super::Plan;
use super::trigger_rule::{EdgeTally, Outcome, Verdict, may_handle};
use crate::ids::TaskIndex;
use crate::states::TaskState;

/// Where the tallies of an instance are kept.
pub(crate) trait TallyTable {
    /// Returns the state of a task.
    fn state_of(&self, task_index: TaskIndex) -> TaskState;

    /// Returns the tally of a task.
    fn tally_of(&self, task_index: TaskIndex) -> EdgeTally;

    /// Replaces the tally of a task.
    fn put_tally(&mut self, task_index: TaskIndex, tally: EdgeTally);
}

/// What a task was before its edges changed.
struct Earlier {
    outcome: Option<Outcome>,
    verdict: Verdict,
}

/// Follows a task that left the state `from`: counts its edges and those of everything that is settled by that. Returns
/// the tasks about which their edges decide something else now, predecessors first.
///
/// Tasks are visited in the order of their ranks, so each one once and after all of its predecessors.
pub(crate) fn follow_change(
    plan: &Plan,
    table: &mut impl TallyTable,
    task_index: TaskIndex,
    from: TaskState,
) -> Vec<(TaskIndex, Verdict)> {
    let verdict = table.tally_of(task_index).edges.verdict();
    let outcome = plan.outcome(task_index, from, verdict);
    let mut decided = Vec::new();
    // Most changes settle nothing; a task may have thousands of successors.
    if outcome == plan.outcome(task_index, table.state_of(task_index), verdict) {
        return decided;
    }
    let mut changed = BTreeMap::from([((plan.rank(task_index), task_index), Earlier { outcome, verdict })]);
    while let Some(((_, task_index), before)) = changed.pop_first() {
        let verdict = table.tally_of(task_index).edges.verdict();
        if verdict != before.verdict {
            decided.push((task_index, verdict));
        }
        let outcome = plan.outcome(task_index, table.state_of(task_index), verdict);
        if outcome == before.outcome {
            continue;
        }
        count_handler(plan, table, task_index, (before.outcome, outcome));
        for edge in &plan.nodes[task_index.as_usize()].succs {
            let from = edge.rule.edge_state(before.outcome);
            let to = edge.rule.edge_state(outcome);
            if from == to {
                continue;
            }
            let mut tally = table.tally_of(edge.task);
            let verdict = tally.edges.verdict();
            tally.edges.shift(from, to);
            table.put_tally(edge.task, tally);
            let earlier = || Earlier {
                outcome: plan.outcome(edge.task, table.state_of(edge.task), verdict),
                verdict,
            };
            changed
                .entry((plan.rank(edge.task), edge.task))
                .or_insert_with(earlier);
        }
    }
    decided
}

/// Counts a task among the handlers of its predecessors, or no longer.
fn count_handler(
    plan: &Plan,
    table: &mut impl TallyTable,
    task_index: TaskIndex,
    (from, to): (Option<Outcome>, Option<Outcome>),
) {
    let (did, does) = (may_handle(from), may_handle(to));
    if did == does {
        return;
    }
    for handled in &plan.nodes[task_index.as_usize()].handles {
        let mut tally = table.tally_of(*handled);
        tally.handlers = if does {
            tally.handlers + 1
        } else {
            tally.handlers - 1
        };
        table.put_tally(*handled, tally);
    }
}
