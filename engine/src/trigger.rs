//! What starts an instance.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{AttemptNumber, BackfillId, InstanceId, Timestamp};
use crate::states::{UnknownName, named};

named!(
    /// The kinds of triggers.
    TriggerType {
        /// A request of a user.
        Api = "api",
        /// A fire of a schedule.
        Schedule = "schedule",
        /// A date of a backfill.
        Backfill = "backfill",
        /// A `sub_workflow` task of another instance.
        SubWorkflow = "sub_workflow",
        /// A `dynamic` task of another instance.
        Dynamic = "dynamic",
    }
);

/// The attempt of a task that starts instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentAttempt {
    /// The parent.
    pub instance: InstanceId,
    /// Its task, by name.
    pub task: String,
    /// The attempt of that task.
    pub attempt: AttemptNumber,
}

/// What started an instance; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A request of a user.
    Api,
    /// A fire of a schedule.
    Schedule {
        /// The name of the schedule, which belongs to the instance's workflow.
        schedule: String,
        /// The time that the schedule gives, without jitter.
        fire_at: Timestamp,
    },
    /// A date of a backfill.
    Backfill(BackfillId),
    /// A `sub_workflow` task.
    SubWorkflow(ParentAttempt),
    /// A `dynamic` task.
    Dynamic {
        /// The task's attempt.
        parent: ParentAttempt,
        /// The position of the instance among those of the attempt, from 0.
        index: u32,
    },
}

impl Trigger {
    /// Returns its kind.
    pub fn trigger_type(&self) -> TriggerType {
        match self {
            Self::Api => TriggerType::Api,
            Self::Schedule { .. } => TriggerType::Schedule,
            Self::Backfill(_) => TriggerType::Backfill,
            Self::SubWorkflow(_) => TriggerType::SubWorkflow,
            Self::Dynamic { .. } => TriggerType::Dynamic,
        }
    }

    /// Returns the backfill of which the instance runs a date, if it does.
    pub fn backfill(&self) -> Option<BackfillId> {
        match self {
            Self::Backfill(backfill) => Some(*backfill),
            Self::Api | Self::Schedule { .. } | Self::SubWorkflow(_) | Self::Dynamic { .. } => None,
        }
    }

    /// Returns the place of the instance among the children of its parent's attempt, if it has a parent.
    pub fn child_index(&self) -> Option<u32> {
        match self {
            Self::SubWorkflow(_) => Some(0),
            Self::Dynamic { index, .. } => Some(*index),
            Self::Api | Self::Schedule { .. } | Self::Backfill(_) => None,
        }
    }

    /// Returns the attempt that started the instance, if it was one.
    pub fn parent(&self) -> Option<&ParentAttempt> {
        match self {
            Self::SubWorkflow(parent) | Self::Dynamic { parent, .. } => Some(parent),
            Self::Api | Self::Schedule { .. } | Self::Backfill(_) => None,
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api => f.write_str("api"),
            Self::Schedule { schedule, .. } => write!(f, "schedule {schedule}"),
            Self::Backfill(backfill) => write!(f, "backfill {backfill}"),
            Self::SubWorkflow(parent) | Self::Dynamic { parent, .. } => {
                write!(f, "task {} of instance {}", parent.task, parent.instance)
            }
        }
    }
}
