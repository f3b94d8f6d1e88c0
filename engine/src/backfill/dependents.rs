//! The workflows that a backfill runs besides its own, because a task of theirs depends on it.
//!
//! A dependent runs once for each interval of the item that names the backfill's workflow, after the last date of the
//! backfill in that interval.

use std::cmp::Reverse;

use super::dates::PlannedDate;
use super::states::DateOrder;
use crate::dependent::{
    DependencyCycle, DependencyItem, DependencyTask, DependencyWindow, cycle_interval_start,
};
use crate::ids::Timestamp;
use crate::spec::Definition;
use crate::timezone::Tz;

/// The first task of a workflow that depends on another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The task.
    pub task: String,
    /// The intervals of its first item that names the other workflow.
    pub cycle: DependencyCycle,
}

/// The intervals after which a workflow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DependentIntervals {
    /// What they are.
    pub cycle: DependencyCycle,
    /// The clock that they are read from.
    pub zone: Tz,
}

/// The dates that a dependent runs after, by their positions in the order of running; those between them that belong to
/// other dependents do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwaitedDates {
    /// The first one.
    pub first: u32,
    /// The last one.
    pub last: u32,
}

/// What runs at one position of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedRun {
    /// The date of the instance.
    pub date: PlannedDate,
    /// What it runs after; none for the backfill's own workflow.
    pub dependent: Option<PlannedDependent>,
}

/// A run of a dependent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedDependent {
    /// Its place in the list of dependents.
    pub index: usize,
    /// The dates of the backfill in its interval.
    pub awaited: AwaitedDates,
}

impl Dependency {
    /// Finds the first item of a definition of `project` that names a workflow, in document order.
    pub fn find(
        definition: &Definition,
        project: &str,
        (named_project, workflow): (&str, &str),
    ) -> Option<Self> {
        let names_it = |item: &&DependencyItem| {
            item.workflow == workflow && item.project.as_deref().unwrap_or(project) == named_project
        };
        definition.tasks.iter().find_map(|task| {
            let dependencies = DependencyTask::of_action(&task.action)?;
            let item = dependencies.items().into_iter().find(names_it)?;
            Some(Self {
                task: task.name.clone(),
                cycle: match item.window {
                    DependencyWindow::Date(date) => date.cycle(),
                    DependencyWindow::EndedWithin(_) => DependencyCycle::None,
                },
            })
        })
    }
}

/// Brings ascending dates into the order of running, each dependent behind the last date of its interval.
pub fn plan_runs(
    dates: &[PlannedDate],
    order: DateOrder,
    dependents: &[DependentIntervals],
) -> Vec<PlannedRun> {
    let mut dates = dates.to_vec();
    if order == DateOrder::Descending {
        dates.sort_by_key(|date| Reverse(date.at));
    }
    let mut open: Vec<Option<OpenInterval>> = vec![None; dependents.len()];
    let mut runs = Vec::with_capacity(dates.len());
    let mut rest = dates.iter().peekable();
    while let Some(date) = rest.next() {
        let position = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        runs.push(PlannedRun {
            date: *date,
            dependent: None,
        });
        let ending = dependents.iter().zip(&mut open).enumerate();
        let ending = ending.filter_map(|(index, (intervals, open))| {
            let next = rest.peek().map(|next| next.at);
            let closed = intervals.extend(open, (position, *date), next)?;
            Some(closed.into_run(index, position))
        });
        let ending: Vec<PlannedRun> = ending.collect();
        runs.extend(ending);
    }
    runs
}

/// An interval whose last date has not been planned.
#[derive(Debug, Clone, Copy)]
struct OpenInterval {
    first: u32,
    newest: PlannedDate,
}

impl OpenInterval {
    fn into_run(self, index: usize, last: u32) -> PlannedRun {
        let first = self.first;
        PlannedRun {
            date: self.newest,
            dependent: Some(PlannedDependent {
                index,
                awaited: AwaitedDates { first, last },
            }),
        }
    }
}

impl DependentIntervals {
    /// Takes a date into the interval that is open; returns and closes the interval when the next date lies outside.
    fn extend(
        self,
        open: &mut Option<OpenInterval>,
        (position, date): (u32, PlannedDate),
        next: Option<Timestamp>,
    ) -> Option<OpenInterval> {
        let interval = open.get_or_insert(OpenInterval {
            first: position,
            newest: date,
        });
        if date.at > interval.newest.at {
            interval.newest = date;
        }
        let start = cycle_interval_start(self.cycle, date.at, self.zone);
        let continues = next.is_some_and(|next| {
            start.is_some() && cycle_interval_start(self.cycle, next, self.zone) == start
        });
        if continues { None } else { open.take() }
    }
}
