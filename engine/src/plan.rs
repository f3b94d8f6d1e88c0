//! Which tasks of a definition one instance runs, and in what order they may start.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::definition::{Definition, Task, Work};
use crate::ids::Ordinal;
use crate::start::Start;
use crate::states::{Priority, Scope};
use crate::task::Place;

/// A definition seen through one start: chosen tasks, induced edges. Never changes over the instance's life.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The pinned version.
    pub definition: Arc<Definition>,
    /// What the start asked for.
    pub start: Arc<Start>,
    /// One per task, by ordinal.
    pub nodes: Vec<Node>,
    /// Every task inside the range, predecessors first.
    pub order: Vec<Ordinal>,
}

/// One task as this instance sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Inside the chosen range.
    pub in_range: bool,
    /// Not enabled: never runs; passed through when its predecessors are done.
    pub forbidden: bool,
    /// Predecessors inside the range.
    pub preds: Vec<Ordinal>,
    /// Successors inside the range.
    pub succs: Vec<Ordinal>,
    /// Lower than that of every successor; what happens together is told in this order.
    pub rank: u32,
}

impl Node {
    /// Whether the task takes part: inside the range and not forbidden.
    pub fn takes_part(&self) -> bool {
        self.in_range && !self.forbidden
    }
}

impl Plan {
    /// Sees a definition through a start. Chosen names that the definition lacks are left out.
    pub fn new(definition: Arc<Definition>, start: Arc<Start>) -> Self {
        let succs = successors(&definition);
        let in_range = range(&definition, &start, &succs);
        let inside = |all: &[Ordinal]| all.iter().copied().filter(|o| in_range[o.index()]).collect();
        let mut nodes: Vec<Node> = definition
            .tasks
            .iter()
            .zip(&succs)
            .enumerate()
            .map(|(place, (task, succs))| match in_range[place] {
                true => Node {
                    in_range: true,
                    forbidden: !task.enabled,
                    preds: inside(&task.needs),
                    succs: inside(succs),
                    rank: 0,
                },
                false => Node {
                    in_range: false,
                    forbidden: !task.enabled,
                    preds: Vec::new(),
                    succs: Vec::new(),
                    rank: 0,
                },
            })
            .collect();
        let order = topological(&nodes);
        for (rank, ordinal) in (0..).zip(&order) {
            nodes[ordinal.index()].rank = rank;
        }
        Self {
            definition,
            start,
            nodes,
            order,
        }
    }

    /// Returns how many tasks never run: forbidden, or outside the chosen range.
    pub fn excluded(&self) -> u32 {
        count(self.nodes.iter().filter(|node| !node.takes_part()).count())
    }

    /// Returns how many tasks take part.
    pub fn live(&self) -> u32 {
        count(self.nodes.iter().filter(|node| node.takes_part()).count())
    }

    /// Returns the task at a place that takes part.
    pub fn task(&self, ordinal: Ordinal) -> Option<&Task> {
        self.nodes.get(ordinal.index()).filter(|node| node.takes_part())?;
        self.definition.task(ordinal)
    }

    /// Returns the worker group that a task runs in.
    pub fn group_of<'a>(&'a self, task: &'a Task) -> &'a str {
        task.worker_group
            .as_deref()
            .or(self.start.worker_group.as_deref())
            .unwrap_or(&self.definition.worker_group)
    }

    /// Returns how urgent a task is among those of its instance.
    pub fn priority_of(&self, task: &Task) -> Priority {
        task.priority.unwrap_or(self.start.priority)
    }

    /// Returns where a task runs.
    pub fn place_of(&self, task: &Task) -> Place {
        match (&task.work, self.start.dry_run) {
            (_, true) => Place::DryRun,
            (Work::Noop, false) => Place::Owner,
            (Work::Shell { .. } | Work::Python { .. } | Work::Http { .. }, false) => Place::Worker,
        }
    }
}

/// Turns a number of tasks into the width that ordinals have.
fn count(tasks: usize) -> u32 {
    u32::try_from(tasks).unwrap_or(u32::MAX)
}

/// Returns the ordinals of a definition in order.
pub(crate) fn ordinals(tasks: usize) -> impl Iterator<Item = Ordinal> {
    (0..count(tasks)).map(Ordinal)
}

fn successors(definition: &Definition) -> Vec<Vec<Ordinal>> {
    let mut succs = vec![Vec::new(); definition.tasks.len()];
    for (ordinal, task) in ordinals(definition.tasks.len()).zip(&definition.tasks) {
        for pred in &task.needs {
            succs[pred.index()].push(ordinal);
        }
    }
    succs
}

fn range(definition: &Definition, start: &Start, succs: &[Vec<Ordinal>]) -> Vec<bool> {
    let tasks = &definition.tasks;
    if start.tasks.is_empty() || start.scope == Scope::All {
        return vec![true; tasks.len()];
    }
    let names: BTreeSet<&str> = start.tasks.iter().map(String::as_str).collect();
    let chosen = ordinals(tasks.len())
        .zip(tasks)
        .filter(|(_, task)| names.contains(task.name.as_str()))
        .map(|(ordinal, _)| ordinal)
        .collect();
    match start.scope {
        Scope::All | Scope::Only => reach(chosen, tasks.len(), |_| &[]),
        Scope::Upstream => reach(chosen, tasks.len(), |o| &tasks[o.index()].needs),
        Scope::Downstream => reach(chosen, tasks.len(), |o| &succs[o.index()]),
    }
}

fn reach<'a>(chosen: Vec<Ordinal>, tasks: usize, next: impl Fn(Ordinal) -> &'a [Ordinal]) -> Vec<bool> {
    let mut inside = vec![false; tasks];
    let mut todo = chosen;
    while let Some(ordinal) = todo.pop() {
        if !std::mem::replace(&mut inside[ordinal.index()], true) {
            todo.extend_from_slice(next(ordinal));
        }
    }
    inside
}

fn topological(nodes: &[Node]) -> Vec<Ordinal> {
    let mut open: Vec<usize> = nodes.iter().map(|node| node.preds.len()).collect();
    let mut order: Vec<Ordinal> = ordinals(nodes.len())
        .filter(|o| nodes[o.index()].in_range && nodes[o.index()].preds.is_empty())
        .collect();
    let mut done = 0;
    while let Some(ordinal) = order.get(done).copied() {
        done += 1;
        for succ in &nodes[ordinal.index()].succs {
            open[succ.index()] -= 1;
            if open[succ.index()] == 0 {
                order.push(*succ);
            }
        }
    }
    order
}

#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;
