//! One cause of a wait.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{InstanceId, Timestamp};
use crate::states::{UnknownName, named};

named!(
    /// What kind of thing stands in the way.
    CauseKind {
        /// A predecessor that is not settled.
        Predecessor = "predecessor",
        /// The delay of the task.
        Delay = "delay",
        /// The pause before the next attempt.
        Retry = "retry",
        /// Every slot of the worker group is taken.
        Slot = "slot",
        /// A named limit.
        Limit = "limit",
        /// The worker group has no worker.
        WorkerGroup = "worker_group",
        /// The places of the workflow.
        Concurrency = "concurrency",
        /// A cap of the project.
        ProjectCap = "project_cap",
        /// Instances of other workflows.
        Dependency = "dependency",
        /// A decision of a person.
        Approval = "approval",
        /// A child instance.
        Child = "child",
        /// No owner, or one that has not decided.
        Owner = "owner",
        /// A pause.
        Paused = "paused",
        /// The system stopped trying.
        Attention = "attention",
        /// A kill that is not confirmed.
        Kill = "kill",
        /// An attempt that is attached again.
        Reattach = "reattach",
    }
);

/// What of the API shows the thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// An instance.
    Instance(InstanceId),
    /// The owner of an instance, with its earlier ones.
    Ownership(InstanceId),
    /// A task of an instance.
    Task {
        /// Its instance.
        instance: InstanceId,
        /// Its name.
        task: String,
    },
    /// A project.
    Project(String),
    /// A named limit.
    Limit {
        /// Its project; none for a shared one.
        project: Option<String>,
        /// Its name.
        name: String,
    },
    /// The nodes.
    Nodes,
}

/// One thing that a task or an instance waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What kind of thing it is.
    pub kind: CauseKind,
    /// A sentence with the names of what stands in the way.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
    /// What shows it, where something does.
    pub link: Option<Link>,
}
