//! What started an instance, from its columns.

use engine::ids::{AttemptNumber, BackfillId, InstanceId, Timestamp};
use engine::trigger::{ParentAttempt, Trigger, TriggerType};

use crate::columns::{narrow, parse_name, present};
use crate::entity::instance;
use crate::error::CatalogError;

/// Reads what started an instance. A fire has no column of its own: its time is the one that the instance is scheduled
/// for.
pub(crate) fn read_trigger(row: &instance::Model) -> Result<Trigger, CatalogError> {
    let trigger_type: TriggerType = parse_name("trigger_type", &row.trigger_type)?;
    Ok(match trigger_type {
        TriggerType::Api => Trigger::Api,
        TriggerType::Schedule => Trigger::Schedule {
            schedule: present("schedule", row.schedule.clone())?,
            fire_at: Timestamp(present("scheduled_at", row.scheduled_at)?),
        },
        TriggerType::Backfill => Trigger::Backfill(BackfillId(present("backfill", row.backfill)?)),
        TriggerType::SubWorkflow => Trigger::SubWorkflow(read_parent(row)?),
        TriggerType::Dynamic => Trigger::Dynamic {
            parent: read_parent(row)?,
            index: narrow("parent_index", present("parent_index", row.parent_index)?)?,
        },
    })
}

fn read_parent(row: &instance::Model) -> Result<ParentAttempt, CatalogError> {
    let attempt = present("parent_attempt", row.parent_attempt)?;
    Ok(ParentAttempt {
        instance: InstanceId(present("parent", row.parent)?),
        task: present("parent_task", row.parent_task.clone())?,
        attempt: AttemptNumber(narrow("parent_attempt", attempt)?),
    })
}
