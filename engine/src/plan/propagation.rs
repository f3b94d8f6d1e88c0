//! The consequences of one changed task along its edges, however far they reach.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use super::trigger_rule::{EdgeState, EdgeTally, Outcome, TaskFate, Verdict, may_handle};
use crate::ids::TaskIndex;

/// Where the tallies of an instance are kept.
pub(crate) trait TallyTable {
    /// Returns what the row of a task says.
    fn fate_of(&self, task_index: TaskIndex) -> TaskFate;

    /// Returns the tally of a task.
    fn tally_of(&self, task_index: TaskIndex) -> EdgeTally;

    /// Replaces the tally of a task.
    fn put_tally(&mut self, task_index: TaskIndex, tally: EdgeTally);
}

/// The edges from a task that its choice does not leave to their rules, by successor.
pub(crate) type DeviatingEdges = BTreeMap<TaskIndex, EdgeState>;

/// Returns the edges from a task that its choice does not leave to their rules: to each named task that it does not
/// choose, void where that task follows a chosen one over any number of edges.
pub(crate) fn deviating_edges(
    plan: &Plan,
    task_index: TaskIndex,
    outcome: Option<Outcome>,
) -> DeviatingEdges {
    let branches = plan.nodes[task_index.as_usize()].branches.as_ref();
    let (Some(Outcome::Chose(number)), Some(branches)) = (outcome, branches) else {
        return DeviatingEdges::new();
    };
    let chosen = branches.chosen(number);
    let turned_down = branches.named().filter(|task_index| !chosen.contains(task_index));
    let mut edges: DeviatingEdges = turned_down
        .map(|task_index| (task_index, EdgeState::TurnedDown))
        .collect();
    void_followers(plan, chosen, &mut edges);
    edges
}

/// Turns the edges to tasks that follow chosen ones into void ones. What lies behind the last of them is not visited.
fn void_followers(plan: &Plan, chosen: &[TaskIndex], edges: &mut DeviatingEdges) {
    let Some(last) = edges.keys().map(|task_index| plan.rank(*task_index)).max() else {
        return;
    };
    let mut seen = BTreeSet::new();
    let mut todo: Vec<TaskIndex> = chosen.to_vec();
    while let Some(task_index) = todo.pop() {
        let succs = plan.nodes[task_index.as_usize()]
            .succs
            .iter()
            .map(|edge| edge.task);
        for successor in succs.filter(|successor| plan.rank(*successor) <= last) {
            if seen.insert(successor) {
                edges.entry(successor).and_modify(|edge| *edge = EdgeState::Void);
                todo.push(successor);
            }
        }
    }
}

/// What a task was before its edges changed.
struct Earlier {
    outcome: Option<Outcome>,
    verdict: Verdict,
}

/// Follows a task whose row said `from`: counts its edges and those of everything that is settled by that. Returns
/// the tasks about which their edges decide something else now, predecessors first.
///
/// Tasks are visited in the order of their ranks, so each one once and after all of its predecessors.
pub(crate) fn follow_change(
    plan: &Plan,
    table: &mut impl TallyTable,
    task_index: TaskIndex,
    from: TaskFate,
) -> Vec<(TaskIndex, Verdict)> {
    let verdict = table.tally_of(task_index).edges.verdict();
    let outcome = plan.outcome(task_index, from, verdict);
    let mut decided = Vec::new();
    // Most changes settle nothing; a task may have thousands of successors.
    if outcome == plan.outcome(task_index, table.fate_of(task_index), verdict) {
        return decided;
    }
    let mut changed = BTreeMap::from([((plan.rank(task_index), task_index), Earlier { outcome, verdict })]);
    while let Some(((_, task_index), before)) = changed.pop_first() {
        let verdict = table.tally_of(task_index).edges.verdict();
        if verdict != before.verdict {
            decided.push((task_index, verdict));
        }
        let outcome = plan.outcome(task_index, table.fate_of(task_index), verdict);
        if outcome == before.outcome {
            continue;
        }
        count_handler(plan, table, task_index, (before.outcome, outcome));
        let (left, entered) = (
            deviating_edges(plan, task_index, before.outcome),
            deviating_edges(plan, task_index, outcome),
        );
        for edge in &plan.nodes[task_index.as_usize()].succs {
            let state_in = |deviating: &DeviatingEdges, outcome| {
                let by_rule = || edge.rule.edge_state(outcome);
                deviating.get(&edge.task).copied().unwrap_or_else(by_rule)
            };
            let from = state_in(&left, before.outcome);
            let to = state_in(&entered, outcome);
            if from == to {
                continue;
            }
            let mut tally = table.tally_of(edge.task);
            let verdict = tally.edges.verdict();
            tally.edges.shift(edge.naming, from, to);
            table.put_tally(edge.task, tally);
            let earlier = || Earlier {
                outcome: plan.outcome(edge.task, table.fate_of(edge.task), verdict),
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
