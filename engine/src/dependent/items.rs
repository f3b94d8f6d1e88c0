//! What a dependent task waits for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::dates::DependencyDate;
use crate::states::{UnknownName, named};

named!(
    /// How the members of a group decide about it.
    DependencyRelation {
        /// Every member has to hold.
        All = "all",
        /// One member has to hold.
        Any = "any",
    }
);

named!(
    /// What a failed item means.
    DependencyFailurePolicy {
        /// It has failed.
        Fail = "fail",
        /// It counts as waiting for a while.
        Wait = "wait",
    }
);

/// The fields of a dependent task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyTask {
    /// What has to hold.
    pub group: DependencyGroup,
    /// What a failed item means.
    pub on_failure: DependencyFailurePolicy,
    /// For how long failed items count as waiting, from the start of the attempt, in milliseconds.
    pub failure_wait_ms: Option<i64>,
    /// How often the owner looks at single tasks of instances, in milliseconds.
    pub check_interval_ms: i64,
}

/// Members that decide together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyGroup {
    /// How they decide.
    pub relation: DependencyRelation,
    /// In document order; at least one.
    pub members: Vec<DependencyMember>,
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyMember {
    /// An item.
    Item(DependencyItem),
    /// A group of its own.
    Group(DependencyGroup),
}

/// Instances of one workflow that are waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyItem {
    /// The project of the workflow; none for that of the waiting one.
    pub project: Option<String>,
    /// The workflow.
    pub workflow: String,
    /// What of its instances has to succeed.
    pub target: DependencyTarget,
    /// Which of its instances.
    pub window: DependencyWindow,
    /// Whether their outputs become outputs of the waiting task.
    pub pass_outputs: bool,
}

/// What of an instance has to succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyTarget {
    /// The instance.
    Instance,
    /// The instance, without a failed task in it.
    AllTasks,
    /// One task of it.
    Task(String),
}

/// Which instances are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyWindow {
    /// One in each interval of this name.
    Date(DependencyDate),
    /// One that succeeded and ended no longer before the base instant, in milliseconds.
    EndedWithin(i64),
}

impl DependencyTask {
    /// Lists the items in document order, those of groups too.
    pub fn items(&self) -> Vec<&DependencyItem> {
        let mut items = Vec::new();
        collect_items(&self.group, &mut items);
        items
    }

    /// Whether an item waits for a single task of an instance, which ends before its instance does.
    pub fn names_tasks(&self) -> bool {
        let is_of_task = |item: &DependencyItem| matches!(item.target, DependencyTarget::Task(_));
        self.items().into_iter().any(is_of_task)
    }
}

fn collect_items<'a>(group: &'a DependencyGroup, items: &mut Vec<&'a DependencyItem>) {
    for member in &group.members {
        match member {
            DependencyMember::Item(item) => items.push(item),
            DependencyMember::Group(group) => collect_items(group, items),
        }
    }
}
