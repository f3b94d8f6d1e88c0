//! The tasks of a definition that one instance runs, in the order in which they may start.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;
use std::sync::Arc;

pub use context::InstanceContext;
use run_range::{OutsideEdges, RunRange};
use trigger_rule::{
    Edge, EdgeCounts, EdgeTally, Outcome, TaskFate, Verdict, outcome_of_disabled,
    outcome_of_disabled_with_when, outcome_of_enabled,
};

use crate::ids::TaskIndex;
use crate::spec::model::{Definition, Predecessor, RetryPolicy, TaskDefinition};
use crate::start::Start;
use crate::states::{Priority, Scope, TaskState};
use crate::task::Task;
use crate::task_type::ExecutionSite;
use branches::{BranchTable, branch_tables};
use edges::{handlers, rule_of, successors};
use reach::{range, reach};

pub mod branches;
mod context;
mod edges;
pub mod propagation;
mod reach;
pub mod run_range;
pub mod trigger_rule;

/// The worker group where no other is named.
const DEFAULT_GROUP: &str = "default";

/// Why a disabled task that would start does not.
pub(crate) const DISABLED_REASON: &str = "forbidden: the task is not enabled";

/// A definition seen through one start: chosen tasks, induced edges. Never changes while the instance exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The pinned version.
    pub definition: Arc<Definition>,
    /// The choices of the start.
    pub start: Arc<Start>,
    /// What surrounds the instance; empty for readers of its states.
    pub context: InstanceContext,
    /// One per task, by index.
    pub nodes: Vec<PlanNode>,
    /// Every task inside the range, predecessors first.
    pub order: Vec<TaskIndex>,
    /// The tasks of the current run, when it is not about all of the range.
    pub run_range: Option<RunRange>,
}

/// One task as this instance sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanNode {
    /// Inside the chosen range.
    pub in_range: bool,
    /// Not enabled: never runs; counts as succeeded where it would start.
    pub disabled: bool,
    /// Outside the current run: keeps its state, and does not start.
    pub frozen: bool,
    /// Predecessors inside the range, with what the edges from them wait for.
    pub preds: Vec<Predecessor>,
    /// Successors inside the range, without those whose edges the current run ignores.
    pub succs: Vec<Edge>,
    /// Its `when` is asked before it starts or is passed.
    pub has_when: bool,
    /// What it chooses among its successors; none when it chooses nothing.
    pub(crate) branches: Option<Box<BranchTable>>,
    /// Predecessors whose failure this task handles once it has started.
    pub handles: Vec<TaskIndex>,
    /// How many tasks handle its failure; 0 when a successor waits for its success, which the failure takes away.
    pub handlers: u32,
    /// Lower than that of every successor; what happens together is recorded in this order.
    pub rank: u32,
}

impl PlanNode {
    /// Whether the task can run: inside the range and not disabled.
    pub fn is_included(&self) -> bool {
        self.in_range && !self.disabled
    }
}

impl Plan {
    /// Plans a start of a definition. Chosen names that the definition lacks are left out.
    pub fn new(definition: Arc<Definition>, start: Arc<Start>) -> Self {
        let mut branches = branch_tables(&definition);
        let succs = successors(&definition, &branches);
        let in_range = range(&definition, &start, &succs);
        let is_inside = |task: TaskIndex| in_range[task.as_usize()];
        let tasks = task_indices(definition.tasks.len())
            .zip(&definition.tasks)
            .zip(succs);
        let mut nodes: Vec<PlanNode> = tasks
            .map(|((task_index, task), mut succs)| {
                succs.retain(|edge| is_inside(task_index) && is_inside(edge.task));
                let mut preds = task.needs.clone();
                preds.retain(|need| is_inside(task_index) && is_inside(need.task));
                for need in &mut preds {
                    need.on = rule_of(task, need.on);
                }
                PlanNode {
                    in_range: is_inside(task_index),
                    disabled: !task.enabled,
                    has_when: task.when.is_some(),
                    branches: branches.remove(&task_index).map(Box::new),
                    frozen: false,
                    preds,
                    handlers: handlers(&succs),
                    succs,
                    handles: Vec::new(),
                    rank: 0,
                }
            })
            .collect();
        link_handlers(&mut nodes);
        let order = topological(&nodes);
        for (rank, task_index) in (0..).zip(&order) {
            nodes[task_index.as_usize()].rank = rank;
        }
        Self {
            definition,
            start,
            context: InstanceContext::default(),
            nodes,
            order,
            run_range: None,
        }
    }

    /// Returns the plan with what surrounds the instance.
    pub fn with_context(self, context: InstanceContext) -> Self {
        Self { context, ..self }
    }

    /// Limits the plan to the tasks of one run.
    pub fn within(mut self, run_range: Option<RunRange>) -> Self {
        self.run_range = run_range;
        let Some(run_range) = run_range else {
            return self;
        };
        let inside = self.tasks_of_run(run_range);
        for (node, is_inside) in self.nodes.iter_mut().zip(&inside) {
            node.frozen = !is_inside;
        }
        if run_range.outside == OutsideEdges::Ignored {
            let outside = self.nodes.iter_mut().filter(|node| node.frozen);
            outside.for_each(|node| node.succs.retain(|edge| !inside[edge.task.as_usize()]));
        }
        self
    }

    /// Returns which tasks a run is about; of others than the named one only those inside the range of the start.
    pub(crate) fn tasks_of_run(&self, run_range: RunRange) -> Vec<bool> {
        let preds = |o: TaskIndex| self.nodes[o.as_usize()].preds.iter().map(|need| need.task);
        let succs = |o: TaskIndex| self.nodes[o.as_usize()].succs.iter().map(|edge| edge.task);
        let chosen = vec![run_range.task];
        match run_range.scope {
            Scope::Upstream => reach(chosen, self.nodes.len(), preds),
            Scope::Downstream | Scope::All => reach(chosen, self.nodes.len(), succs),
            Scope::Only => reach(chosen, self.nodes.len(), |_| [].into_iter()),
        }
    }

    /// Returns the predecessors of a task whose edges decide about it in the current run.
    pub(crate) fn deciding_preds(&self, task_index: TaskIndex) -> impl Iterator<Item = &Predecessor> {
        let ignores = self
            .run_range
            .is_some_and(|run| run.outside == OutsideEdges::Ignored);
        let node = &self.nodes[task_index.as_usize()];
        let is_ignored =
            move |need: &&Predecessor| ignores && !node.frozen && self.nodes[need.task.as_usize()].frozen;
        node.preds.iter().filter(move |need| !is_ignored(need))
    }

    /// Returns how many of the tasks whose edges decide about a task in the current run may turn it down.
    fn choices(&self, task_index: TaskIndex) -> u32 {
        let names = |need: &&Predecessor| {
            let branches = self.nodes[need.task.as_usize()].branches.as_ref();
            branches.is_some_and(|branches| branches.names(task_index))
        };
        count(self.deciding_preds(task_index).filter(names).count())
    }

    /// Returns how many tasks can run.
    pub fn included(&self) -> u32 {
        count(self.nodes.iter().filter(|node| node.is_included()).count())
    }

    /// Returns the definition of a task that can run.
    pub fn task(&self, task_index: TaskIndex) -> Option<&TaskDefinition> {
        self.nodes
            .get(task_index.as_usize())
            .filter(|node| node.is_included())?;
        self.definition.task(task_index)
    }

    /// Returns the worker group that a task runs in.
    pub fn worker_group_of<'a>(&'a self, task: &'a TaskDefinition) -> &'a str {
        task.worker_group
            .as_deref()
            .or(self.start.worker_group.as_deref())
            .or(self.definition.worker_group.as_deref())
            .or(self.start.defaults.worker_group.as_deref())
            .unwrap_or(DEFAULT_GROUP)
    }

    /// Returns when a failed attempt of a task is followed by another.
    pub fn retry_of(&self, task: &TaskDefinition) -> RetryPolicy {
        let default = self.start.defaults.retry.filter(|_| runs_on_worker(task));
        task.retry.or(default).unwrap_or_default()
    }

    /// Returns the limit of one attempt of a task, in milliseconds.
    pub fn timeout_of(&self, task: &TaskDefinition) -> Option<i64> {
        let default = self.start.defaults.timeout_ms.filter(|_| runs_on_worker(task));
        task.timeout_ms.or(default)
    }

    /// Returns how urgent a task is among those of its instance.
    pub fn priority_of(&self, task: &TaskDefinition) -> Priority {
        task.priority.unwrap_or(self.start.priority)
    }

    /// Returns where a task runs; in a dry run everything completes inline that is not decided.
    pub fn site_of(&self, task: &TaskDefinition) -> ExecutionSite {
        let site = task.action.site();
        if self.start.dry_run && site != ExecutionSite::Decision {
            ExecutionSite::Inline
        } else {
            site
        }
    }

    /// Returns the outputs of a task that later tasks see as parameters: those that it declares.
    pub fn declared_outputs<'a>(
        &'a self,
        task_index: TaskIndex,
        outputs: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = (&'a String, &'a String)> {
        let task = self.definition.task(task_index);
        // What runs on workers sets nothing else.
        let declared = task
            .filter(|task| !runs_on_worker(task))
            .map(|task| &task.outputs);
        outputs.iter().filter(move |(name, _)| {
            declared.is_none_or(|declared| declared.iter().any(|output| output.name == **name))
        })
    }

    /// Returns the wait of a task after it became ready, in milliseconds; there is none in a dry run.
    pub fn delay_of(&self, task: &TaskDefinition) -> Option<i64> {
        task.delay_ms.filter(|_| !self.start.dry_run)
    }

    /// Whether the definition has this task.
    pub(crate) fn has_task(&self, task_index: TaskIndex) -> bool {
        task_index.as_usize() < self.nodes.len()
    }

    /// Whether this task can run: inside the range and not disabled.
    pub(crate) fn is_included(&self, task_index: TaskIndex) -> bool {
        self.nodes
            .get(task_index.as_usize())
            .is_some_and(PlanNode::is_included)
    }

    /// Returns the rank of a task.
    pub(crate) fn rank(&self, task_index: TaskIndex) -> u32 {
        self.nodes[task_index.as_usize()].rank
    }

    /// Returns what became of a task in this state about which its edges decide this; none while it is not settled.
    pub(crate) fn outcome(&self, task_index: TaskIndex, fate: TaskFate, verdict: Verdict) -> Option<Outcome> {
        let node = &self.nodes[task_index.as_usize()];
        match (node.disabled, node.has_when) {
            // Outside the current run it stays what its edges decided before.
            (true, _) if node.frozen && fate.state == TaskState::Skipped => Some(Outcome::Skipped),
            (true, true) => outcome_of_disabled_with_when(fate.state, verdict),
            (true, false) => outcome_of_disabled(verdict),
            (false, _) => outcome_of_enabled(fate, verdict),
        }
    }

    /// Returns what the edges from a task depend on, as far as its row says it.
    pub(crate) fn fate(&self, task_index: TaskIndex, row: Option<&Task>) -> TaskFate {
        let state = row.map_or(TaskState::Pending, |row| row.state);
        let branches = self.nodes[task_index.as_usize()].branches.as_ref();
        TaskFate {
            state,
            has_started: row.is_some_and(|row| row.attempts > row.attempts_before_run),
            branch: branches
                .filter(|_| state == TaskState::Succeeded)
                .and_then(|branches| branches.branch_of(&row?.outputs)),
        }
    }

    /// Returns the tally of every task while nothing is settled.
    pub(crate) fn initial_tallies(&self) -> Vec<EdgeTally> {
        let tally = |(task_index, node): (TaskIndex, &PlanNode)| EdgeTally {
            edges: EdgeCounts::waiting(self.deciding_preds(task_index).count(), self.choices(task_index)),
            handlers: node.handlers,
        };
        task_indices(self.nodes.len())
            .zip(&self.nodes)
            .map(tally)
            .collect()
    }
}

/// Returns how many tasks of a start are outside the chosen range. Needs no plan, which the owner of the instance
/// builds.
pub fn count_excluded(definition: &Definition, start: &Start) -> u32 {
    let is_partial = !start.tasks.is_empty();
    let succs = if is_partial {
        successors(definition, &BTreeMap::new())
    } else {
        Vec::new()
    };
    let in_range = range(definition, start, &succs);
    count(in_range.into_iter().filter(|in_range| !in_range).count())
}

/// Whether attempts of this task run on a worker, where they can fail and hang.
fn runs_on_worker(task: &TaskDefinition) -> bool {
    task.action.site() == ExecutionSite::Worker
}

/// Turns a number of tasks into the width of a task index.
fn count(tasks: usize) -> u32 {
    u32::try_from(tasks).unwrap_or(u32::MAX)
}

/// Returns the first indices, as many as there are tasks.
pub fn task_indices(tasks: usize) -> impl Iterator<Item = TaskIndex> {
    (0..count(tasks)).map(TaskIndex)
}

/// Lets tasks know whose failures they handle.
fn link_handlers(nodes: &mut [PlanNode]) {
    for task_index in task_indices(nodes.len()) {
        let node = &nodes[task_index.as_usize()];
        let handlers = node.succs.iter().filter(|edge| edge.handles && node.handlers > 0);
        for handler in handlers.map(|edge| edge.task).collect::<Vec<_>>() {
            nodes[handler.as_usize()].handles.push(task_index);
        }
    }
}

fn topological(nodes: &[PlanNode]) -> Vec<TaskIndex> {
    let mut open: Vec<usize> = nodes.iter().map(|node| node.preds.len()).collect();
    let mut order: Vec<TaskIndex> = task_indices(nodes.len())
        .filter(|o| nodes[o.as_usize()].in_range && nodes[o.as_usize()].preds.is_empty())
        .collect();
    let mut done = 0;
    while let Some(task_index) = order.get(done).copied() {
        done += 1;
        for succ in nodes[task_index.as_usize()].succs.iter().map(|edge| edge.task) {
            open[succ.as_usize()] -= 1;
            if open[succ.as_usize()] == 0 {
                order.push(succ);
            }
        }
    }
    order
}

#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;
