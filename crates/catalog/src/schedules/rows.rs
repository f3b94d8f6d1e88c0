//! Changes of schedules inside a transaction: what becomes of fires that are due, and when the next one is.

use std::sync::Arc;

use engine::alert::RuleSource;
use engine::ids::Timestamp;
use engine::schedule::{
    Calendar, FireTimes, Firing, FiringRules, NextFire, ScheduleDefinition, SkippedFires, parse_schedule,
    serialize_schedule,
};
use engine::timezone::{Tz, parse_timezone};
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{RulePlace, SkippedRow, Transaction, record_skipped_fires, replace_alert_rules};

use crate::columns::{parse_json, unreadable};
use crate::entity::{schedule, workflow};
use crate::error::CatalogError;
use crate::schedules::effective_calendars::{find_effective_calendar, lock_effective_calendar};
use crate::schedules::managed_by::ScheduleManager;

/// Why fires that are due are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DropReason {
    Paused,
    Changed,
    CalendarChanged,
    WorkflowDisabled,
}

impl DropReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "the schedule was paused before it was started",
            Self::Changed => "the schedule was changed before it was started",
            Self::CalendarChanged => "the calendar was changed before it was started",
            Self::WorkflowDisabled => "the workflow was disabled before it was started",
        }
    }
}

/// What a schedule is to be.
#[derive(Debug, Clone)]
pub(crate) struct ScheduleEntry<'a> {
    pub(crate) name: &'a str,
    pub(crate) definition: &'a ScheduleDefinition,
    pub(crate) zone: Tz,
    pub(crate) managed_by: ScheduleManager,
    pub(crate) enabled: bool,
}

/// The times of a stored schedule.
pub(crate) struct ScheduleTimes {
    times: FireTimes,
    rules: FiringRules,
}

impl ScheduleTimes {
    fn new(
        schedule_id: i64,
        definition: &ScheduleDefinition,
        zone: Tz,
        calendar: Option<Arc<Calendar>>,
    ) -> Self {
        Self {
            times: definition.fire_times(zone, calendar),
            rules: FiringRules {
                schedule: schedule_id,
                jitter_ms: definition.jitter_ms,
                missed: definition.missed,
                missed_limit: definition.missed_limit,
            },
        }
    }

    fn firing(&self) -> Firing<'_> {
        Firing::new(&self.times, self.rules)
    }
}

/// Parses the stored fields of a schedule with its zone.
pub(crate) fn read_definition(row: &schedule::Model) -> Result<(ScheduleDefinition, Tz), CatalogError> {
    let zone = parse_timezone(&row.timezone).map_err(|error| unreadable("timezone", error))?;
    let fields = parse_json("definition", &row.definition)?;
    let definition = parse_schedule(&fields, zone).map_err(|issues| {
        let first = issues.first().map(|issue| issue.message.clone());
        unreadable("definition", first.unwrap_or_default())
    })?;
    Ok((definition, zone))
}

/// Reads the times of a stored schedule, with the calendar as it is now.
pub(crate) async fn read_times<C: ConnectionTrait>(
    on: &C,
    row: &schedule::Model,
    project: i64,
) -> Result<ScheduleTimes, CatalogError> {
    let (definition, zone) = read_definition(row)?;
    let calendar = match &definition.calendar {
        Some(name) => find_effective_calendar(on, project, name).await?,
        None => None,
    };
    Ok(ScheduleTimes::new(row.id, &definition, zone, calendar))
}

/// Stores what a schedule is to be, as a new one or in place of `stored`; returns the row.
pub(crate) async fn save_entry(
    on: &Transaction,
    workflow: &workflow::Model,
    stored: Option<schedule::Model>,
    entry: &ScheduleEntry<'_>,
    at: Timestamp,
) -> Result<schedule::Model, CatalogError> {
    let calendar = match &entry.definition.calendar {
        Some(name) => Some(require_calendar(on, workflow.project_id, name).await?),
        None => None,
    };
    let old_rules = match &stored {
        Some(row) => read_definition(row)?.0.notify,
        None => Vec::new(),
    };
    let row = match stored {
        Some(row) => row,
        None => insert(on, workflow.id, entry, at).await?,
    };
    if old_rules != entry.definition.notify {
        let place = RulePlace {
            source: RuleSource::Schedule,
            source_id: row.id,
            project_id: workflow.project_id,
            workflow_id: workflow.id,
        };
        replace_alert_rules(on, place, &entry.definition.notify, at).await?;
    }
    let times = ScheduleTimes::new(row.id, entry.definition, entry.zone, calendar);
    let fires = entry.enabled && workflow.enabled;
    let keeps_times = has_same_times(&row, entry)?;
    let kept = row.next_fire_at.filter(|_| fires && keeps_times).map(Timestamp);
    let mut row = row;
    let next = match kept {
        // The next fire stays, also when its jitter changes.
        Some(fire_at) => Some(times.firing().plan_fire(fire_at)),
        None => {
            let reason = if entry.enabled {
                DropReason::Changed
            } else {
                DropReason::Paused
            };
            let old_times = read_times(on, &row, workflow.project_id).await?;
            drop_due_fires(on, &mut row, &old_times, reason, at).await?;
            plan_next(&row, &times, at).filter(|_| fires)
        }
    };
    let change = schedule::ActiveModel {
        definition: Set(serialize_schedule(entry.definition).to_string()),
        timezone: Set(entry.zone.name().to_owned()),
        calendar: Set(entry.definition.calendar.clone()),
        enabled: Set(entry.enabled),
        managed_by: Set(entry.managed_by.as_str().to_owned()),
        updated_at: Set(at.0),
        ..schedule::ActiveModel::default()
    };
    store_next(on, &row, next, change).await
}

/// Stops or starts a schedule; `None` as the reason starts it.
pub(crate) async fn set_firing(
    on: &Transaction,
    mut row: schedule::Model,
    workflow: &workflow::Model,
    stop: Option<DropReason>,
    at: Timestamp,
) -> Result<schedule::Model, CatalogError> {
    let times = read_times(on, &row, workflow.project_id).await?;
    let next = match stop {
        Some(reason) => {
            drop_due_fires(on, &mut row, &times, reason, at).await?;
            None
        }
        None => plan_next(&row, &times, at).filter(|_| row.enabled && workflow.enabled),
    };
    store_next(on, &row, next, schedule::ActiveModel::default()).await
}

/// Plans a schedule again after its calendar has changed; `old_times` are those before. `row.enabled` says whether it
/// fires, its workflow included.
pub(crate) async fn plan_again(
    on: &Transaction,
    mut row: schedule::Model,
    old_times: &ScheduleTimes,
    project: i64,
    at: Timestamp,
) -> Result<(), CatalogError> {
    drop_due_fires(on, &mut row, old_times, DropReason::CalendarChanged, at).await?;
    let times = read_times(on, &row, project).await?;
    let next = plan_next(&row, &times, at).filter(|_| row.enabled);
    store_next(on, &row, next, schedule::ActiveModel::default()).await?;
    Ok(())
}

/// Returns the schedules of a workflow, locked against commits of their fires.
pub(crate) async fn lock_schedules_of(
    on: &Transaction,
    workflow_id: i64,
) -> Result<Vec<schedule::Model>, CatalogError> {
    let rows = schedule::Entity::find()
        .filter(schedule::Column::WorkflowId.eq(workflow_id))
        .order_by_asc(schedule::Column::Id)
        .lock(LockType::Update)
        .all(on)
        .await?;
    Ok(rows)
}

async fn insert(
    on: &Transaction,
    workflow_id: i64,
    entry: &ScheduleEntry<'_>,
    at: Timestamp,
) -> Result<schedule::Model, CatalogError> {
    let row = schedule::ActiveModel {
        workflow_id: Set(workflow_id),
        name: Set(entry.name.to_owned()),
        definition: Set(serialize_schedule(entry.definition).to_string()),
        timezone: Set(entry.zone.name().to_owned()),
        enabled: Set(false),
        managed_by: Set(entry.managed_by.as_str().to_owned()),
        created_at: Set(at.0),
        updated_at: Set(at.0),
        ..schedule::ActiveModel::default()
    };
    Ok(schedule::Entity::insert(row).exec_with_returning(on).await?)
}

async fn require_calendar(on: &Transaction, project: i64, name: &str) -> Result<Arc<Calendar>, CatalogError> {
    let found = lock_effective_calendar(on, project, name).await?;
    found.ok_or_else(|| CatalogError::conflict("UNKNOWN_CALENDAR", format!("there is no calendar `{name}`")))
}

/// Whether a change leaves the fire times of a schedule as they are.
fn has_same_times(row: &schedule::Model, entry: &ScheduleEntry<'_>) -> Result<bool, CatalogError> {
    let (stored, zone) = read_definition(row)?;
    Ok(zone == entry.zone
        && stored.repetition == entry.definition.repetition
        && stored.window(zone) == entry.definition.window(zone)
        && stored.calendar == entry.definition.calendar)
}

/// Records what is due and not started as skipped.
async fn drop_due_fires(
    on: &Transaction,
    row: &mut schedule::Model,
    times: &ScheduleTimes,
    reason: DropReason,
    at: Timestamp,
) -> Result<(), CatalogError> {
    let Some(run) = due_fires(row, times, at) else {
        return Ok(());
    };
    record_skipped_fires(on, &[SkippedRow::new(row.id, run, reason.as_str(), at)]).await?;
    row.decided_until = Some(run.last.0);
    Ok(())
}

fn due_fires(row: &schedule::Model, times: &ScheduleTimes, at: Timestamp) -> Option<SkippedFires> {
    let next = Timestamp(row.next_fire_at?);
    times.firing().undecided_fires(next, at)
}

/// The first fire after this moment; a fire that was decided before the clock went back does not come again.
fn plan_next(row: &schedule::Model, times: &ScheduleTimes, at: Timestamp) -> Option<NextFire> {
    let after = row.decided_until.map_or(at, |until| at.max(Timestamp(until)));
    times.firing().next_after(after)
}

async fn store_next(
    on: &Transaction,
    row: &schedule::Model,
    next: Option<NextFire>,
    change: schedule::ActiveModel,
) -> Result<schedule::Model, CatalogError> {
    let change = schedule::ActiveModel {
        id: Unchanged(row.id),
        revision: Set(row.revision + 1),
        next_fire_at: Set(next.map(|next| next.fire_at.0)),
        due_at: Set(next.map(|next| next.due_at.0)),
        decided_until: Set(row.decided_until),
        ..change
    };
    Ok(schedule::Entity::update(change).exec(on).await?)
}
