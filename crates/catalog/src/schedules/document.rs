//! The schedules of a document, stored with the version that describes them.

use std::collections::BTreeMap;

use engine::ids::Timestamp;
use engine::schedule::serialize_schedule;
use engine::spec::Definition;
use engine::timezone::Tz;
use sea_orm::EntityTrait;
use store::Transaction;

use crate::entity::{schedule, workflow};
use crate::error::CatalogError;
use crate::schedules::manager::ScheduleManager;
use crate::schedules::rows::{DropReason, ScheduleEntry, lock_schedules_of, save_entry, set_firing};

/// The schedules of a new version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DescribedSchedules<'a> {
    /// The new version.
    pub(crate) definition: &'a Definition,
    /// The zone of a document that names none.
    pub(crate) default_timezone: Tz,
    /// What becomes of those that are new or have changed.
    pub(crate) initial: InitialSchedules,
}

/// Whether the schedules of a document fire when they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitialSchedules {
    /// As the document says.
    AsDescribed,
    /// They wait until they are resumed.
    Paused,
}

/// Makes the stored schedules of a workflow those of its new version. One whose entry is the same keeps its pause; those
/// that no document describes stay.
pub(crate) async fn store_document_schedules(
    on: &Transaction,
    workflow: &workflow::Model,
    described: DescribedSchedules<'_>,
    at: Timestamp,
) -> Result<(), CatalogError> {
    let definition = described.definition;
    let rows = lock_schedules_of(on, workflow.id).await?;
    let mut stored: BTreeMap<String, schedule::Model> =
        rows.into_iter().map(|row| (row.name.clone(), row)).collect();
    for (name, schedule) in &definition.schedules {
        let zone = schedule
            .timezone
            .or(definition.timezone)
            .unwrap_or(described.default_timezone);
        let row = stored.remove(name);
        let fields = serialize_schedule(schedule).to_string();
        let is_same = |row: &schedule::Model| {
            row.managed_by == ScheduleManager::Document.as_str()
                && row.definition == fields
                && row.timezone == zone.name()
        };
        if row.as_ref().is_some_and(is_same) {
            continue;
        }
        let entry = ScheduleEntry {
            name,
            definition: schedule,
            zone,
            managed_by: ScheduleManager::Document,
            enabled: schedule.enabled && described.initial == InitialSchedules::AsDescribed,
        };
        save_entry(on, workflow, row, &entry, at).await?;
    }
    for row in stored.into_values() {
        if row.managed_by == ScheduleManager::Document.as_str() {
            schedule::Entity::delete_by_id(row.id).exec(on).await?;
        }
    }
    Ok(())
}

/// Stops or starts the schedules of a workflow that was disabled or enabled.
pub(crate) async fn follow_workflow(
    on: &Transaction,
    workflow: &workflow::Model,
    at: Timestamp,
) -> Result<(), CatalogError> {
    let stop = (!workflow.enabled).then_some(DropReason::WorkflowDisabled);
    for row in lock_schedules_of(on, workflow.id).await? {
        if row.enabled {
            set_firing(on, row, workflow, stop, at).await?;
        }
    }
    Ok(())
}
