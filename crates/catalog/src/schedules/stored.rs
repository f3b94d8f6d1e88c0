//! Schedules of workflows: read, changed, paused.

use std::sync::Arc;

use engine::ids::{InstanceId, ScheduleId, Timestamp};
use engine::schedule::{FireTimes, ScheduleDefinition};
use engine::spec::Definition;
use engine::states::Attention;
use engine::timezone::Tz;
use ports::DefinitionStore as _;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::{parse_json, parse_name};
use crate::context::AuditContext;
use crate::entity::{project, schedule, workflow};
use crate::error::CatalogError;
use crate::projects::ProjectId;
use crate::schedules::effective_calendars::find_effective_calendar;
use crate::schedules::manager::ScheduleManager;
use crate::schedules::rows::{DropReason, ScheduleEntry, read_definition, save_entry, set_firing};
use crate::workflows::{missing_workflow, select_by_name};
use store::Store;

/// A stored schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its row.
    pub id: ScheduleId,
    /// The row of its project.
    pub project_id: ProjectId,
    /// The name of its project.
    pub project: String,
    /// The name of its workflow.
    pub workflow: String,
    /// Unique in the workflow.
    pub name: String,
    /// When it fires, and how.
    pub definition: ScheduleDefinition,
    /// Its own zone, or the default.
    pub timezone: Tz,
    /// Whether it fires.
    pub enabled: bool,
    /// Where it is changed.
    pub managed_by: ScheduleManager,
    /// The next fire, without jitter; none when it is disabled or over.
    pub next_fire_at: Option<Timestamp>,
    /// The last fire that was started.
    pub last_fire_at: Option<Timestamp>,
    /// The instance of that fire.
    pub last_instance: Option<InstanceId>,
    /// Why the last fire was refused.
    pub attention: Option<Attention>,
}

/// Names a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleName<'a> {
    /// The project's row.
    pub project: ProjectId,
    /// The workflow's name.
    pub workflow: &'a str,
    /// The schedule's name.
    pub schedule: &'a str,
}

/// Whether a schedule was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleChange {
    /// It was.
    Created,
    /// It replaces one of its name.
    Replaced,
}

/// Whether a schedule fires from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleSwitch {
    /// It does not.
    Pause,
    /// It does.
    Resume,
}

/// The schedules.
#[derive(Debug, Clone, Copy)]
pub struct Schedules<'a> {
    store: &'a Store,
}

impl<'a> Schedules<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// Returns the current definition of the workflow of a schedule.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow.
    pub async fn workflow_definition(self, name: ScheduleName<'_>) -> Result<Arc<Definition>, CatalogError> {
        let workflow = find_workflow(self.store.reader(), name).await?;
        Ok(self.store.load_definition(workflow.id, workflow.version).await?)
    }

    /// Reads a schedule.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow or schedule.
    pub async fn find(self, name: ScheduleName<'_>) -> Result<Schedule, CatalogError> {
        let workflow = find_workflow(self.store.reader(), name).await?;
        let row = select_schedule(workflow.id, name.schedule)
            .one(self.store.reader())
            .await?
            .ok_or_else(|| missing_schedule(name.schedule))?;
        self.complete(row, &workflow).await
    }

    /// Returns the fire times of a schedule, with the calendar as it is now.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn fire_times(self, schedule: &Schedule) -> Result<FireTimes, CatalogError> {
        let calendar = match &schedule.definition.calendar {
            Some(name) => find_effective_calendar(self.store.reader(), schedule.project_id.0, name).await?,
            None => None,
        };
        Ok(schedule.definition.fire_times(schedule.timezone, calendar))
    }

    /// Stores a schedule, as a new one or in place of that of its name.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow. `Conflict` with `MANAGED_BY_DOCUMENT` or `UNKNOWN_CALENDAR`.
    pub async fn put(
        self,
        name: ScheduleName<'_>,
        definition: &ScheduleDefinition,
        default_zone: Tz,
        context: &AuditContext,
    ) -> Result<(Schedule, ScheduleChange), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let workflow = lock_workflow(change.on(), name).await?;
        let stored = lock_schedule(change.on(), workflow.id, name.schedule).await?;
        if let Some(row) = &stored {
            refuse_of_document(row)?;
        }
        let outcome = match stored {
            Some(_) => ScheduleChange::Replaced,
            None => ScheduleChange::Created,
        };
        let entry = ScheduleEntry {
            name: name.schedule,
            definition,
            zone: definition.timezone.unwrap_or(default_zone),
            managed_by: ScheduleManager::Api,
            enabled: definition.enabled,
        };
        let row = save_entry(change.on(), &workflow, stored, &entry, context.at).await?;
        change
            .commit_with(&audit_entry("schedule.put", &workflow, &row))
            .await?;
        Ok((self.complete(row, &workflow).await?, outcome))
    }

    /// Deletes a schedule with its record of fires; its instances stay.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `MANAGED_BY_DOCUMENT`.
    pub async fn delete(self, name: ScheduleName<'_>, context: &AuditContext) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let workflow = lock_workflow(change.on(), name).await?;
        let row = lock_schedule(change.on(), workflow.id, name.schedule)
            .await?
            .ok_or_else(|| missing_schedule(name.schedule))?;
        refuse_of_document(&row)?;
        schedule::Entity::delete_by_id(row.id).exec(change.on()).await?;
        change
            .commit_with(&audit_entry("schedule.delete", &workflow, &row))
            .await
    }

    /// Pauses or resumes a schedule; one that is so already stays as it is.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow or schedule.
    pub async fn switch(
        self,
        name: ScheduleName<'_>,
        switch: ScheduleSwitch,
        context: &AuditContext,
    ) -> Result<Schedule, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let workflow = lock_workflow(change.on(), name).await?;
        let mut row = lock_schedule(change.on(), workflow.id, name.schedule)
            .await?
            .ok_or_else(|| missing_schedule(name.schedule))?;
        let (enabled, action, stop) = match switch {
            ScheduleSwitch::Pause => (false, "schedule.pause", Some(DropReason::Paused)),
            ScheduleSwitch::Resume => (true, "schedule.resume", None),
        };
        if row.enabled != enabled {
            row.enabled = enabled;
            let flag = schedule::ActiveModel {
                id: Unchanged(row.id),
                enabled: Set(enabled),
                updated_at: Set(context.at.0),
                ..schedule::ActiveModel::default()
            };
            schedule::Entity::update(flag)
                .exec_without_returning(change.on())
                .await?;
            row = set_firing(change.on(), row, &workflow, stop, context.at).await?;
            change.commit_with(&audit_entry(action, &workflow, &row)).await?;
        }
        self.complete(row, &workflow).await
    }

    /// Adds the names of workflow and project to a row.
    pub(crate) async fn complete(
        self,
        row: schedule::Model,
        workflow: &workflow::Model,
    ) -> Result<Schedule, CatalogError> {
        let project: Option<String> = project::Entity::find_by_id(workflow.project_id)
            .select_only()
            .column(project::Column::Name)
            .into_tuple()
            .one(self.store.reader())
            .await?;
        let (definition, timezone) = read_definition(&row)?;
        let attention = row.attention.as_deref();
        Ok(Schedule {
            id: ScheduleId(row.id),
            project_id: ProjectId(workflow.project_id),
            project: project.unwrap_or_default(),
            workflow: workflow.name.clone(),
            definition,
            timezone,
            enabled: row.enabled,
            managed_by: parse_name("managed_by", &row.managed_by)?,
            next_fire_at: row.next_fire_at.map(Timestamp),
            last_fire_at: row.last_fire_at.map(Timestamp),
            last_instance: row.last_instance.map(InstanceId),
            attention: attention.map(|text| parse_json("attention", text)).transpose()?,
            name: row.name,
        })
    }
}

fn select_schedule(workflow_id: i64, name: &str) -> Select<schedule::Entity> {
    schedule::Entity::find()
        .filter(schedule::Column::WorkflowId.eq(workflow_id))
        .filter(schedule::Column::Name.eq(name))
}

async fn find_workflow<C: ConnectionTrait>(
    on: &C,
    name: ScheduleName<'_>,
) -> Result<workflow::Model, CatalogError> {
    let found = select_by_name(name.project, name.workflow).one(on).await?;
    found.ok_or_else(|| missing_workflow(name.workflow))
}

/// Keeps the workflow from being changed until the transaction ends; then come its schedules.
async fn lock_workflow<C: ConnectionTrait>(
    on: &C,
    name: ScheduleName<'_>,
) -> Result<workflow::Model, CatalogError> {
    let found = select_by_name(name.project, name.workflow)
        .lock(LockType::Update)
        .one(on)
        .await?;
    found.ok_or_else(|| missing_workflow(name.workflow))
}

async fn lock_schedule<C: ConnectionTrait>(
    on: &C,
    workflow_id: i64,
    name: &str,
) -> Result<Option<schedule::Model>, CatalogError> {
    let row = select_schedule(workflow_id, name)
        .lock(LockType::Update)
        .one(on)
        .await?;
    Ok(row)
}

fn missing_schedule(name: &str) -> CatalogError {
    CatalogError::not_found(format!("schedule `{name}`"))
}

fn refuse_of_document(row: &schedule::Model) -> Result<(), CatalogError> {
    if row.managed_by == ScheduleManager::Document.as_str() {
        let detail = format!(
            "the schedule `{}` stands in the document of its workflow; change it there",
            row.name
        );
        return Err(CatalogError::conflict("MANAGED_BY_DOCUMENT", detail));
    }
    Ok(())
}

fn audit_entry(action: &str, workflow: &workflow::Model, row: &schedule::Model) -> AuditEntry {
    AuditEntry::done(action, "schedule", &row.id.to_string())
        .with_detail(format!("{}/{}", workflow.name, row.name))
}
