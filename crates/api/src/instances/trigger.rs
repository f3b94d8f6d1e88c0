//! What started an instance, in answers.

use engine::trigger as engine_trigger;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// What started an instance.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Trigger {
    /// A request of a user.
    Api,
    /// A fire of a schedule of its workflow.
    Schedule {
        schedule: String,
        /// The time that the schedule gives, without jitter.
        fire_at: String,
    },
    /// A date of a backfill.
    Backfill {
        /// The backfill's id.
        backfill: String,
    },
    /// A `sub_workflow` task of another instance.
    SubWorkflow {
        /// The parent's id.
        instance: String,
        task: String,
        attempt: u32,
    },
    /// A `dynamic` task of another instance.
    Dynamic {
        /// The parent's id.
        instance: String,
        task: String,
        attempt: u32,
        /// The position among the instances of the attempt, from 0.
        index: u32,
    },
}

/// The attempt that started an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Parent {
    /// The parent's id.
    instance: String,
    task: String,
    attempt: u32,
}

impl From<&engine_trigger::ParentAttempt> for Parent {
    fn from(parent: &engine_trigger::ParentAttempt) -> Self {
        Self {
            instance: parent.instance.to_string(),
            task: parent.task.clone(),
            attempt: parent.attempt.0,
        }
    }
}

impl From<engine_trigger::Trigger> for Trigger {
    fn from(trigger: engine_trigger::Trigger) -> Self {
        match trigger {
            engine_trigger::Trigger::Api => Self::Api,
            engine_trigger::Trigger::Schedule { schedule, fire_at } => Self::Schedule {
                schedule,
                fire_at: format_time(fire_at),
            },
            engine_trigger::Trigger::Backfill(backfill) => Self::Backfill {
                backfill: backfill.to_string(),
            },
            engine_trigger::Trigger::SubWorkflow(parent) => Self::SubWorkflow {
                instance: parent.instance.to_string(),
                task: parent.task,
                attempt: parent.attempt.0,
            },
            engine_trigger::Trigger::Dynamic { parent, index } => Self::Dynamic {
                instance: parent.instance.to_string(),
                task: parent.task,
                attempt: parent.attempt.0,
                index,
            },
        }
    }
}
