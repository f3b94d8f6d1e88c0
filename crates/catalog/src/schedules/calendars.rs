//! Calendars: the dates on which schedules may fire; of a project, or shared by all.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::ids::Timestamp;
use engine::schedule::Calendar;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::{LockType, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::Transaction;

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::{calendar, schedule, workflow};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::projects::ProjectId;
use crate::schedules::effective_calendars::{find_effective_calendar, read_calendar};
use crate::schedules::rows::{ScheduleTimes, plan_again, read_times};
use store::Store;

/// A stored calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCalendar {
    /// Unique in its project, or among the shared ones.
    pub name: String,
    /// Whether it belongs to no project.
    pub scope: CalendarScope,
    /// Its dates.
    pub calendar: Calendar,
    /// For people.
    pub description: String,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Which schedules may name a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarScope {
    /// Those of one project; its own goes before a shared one of the same name.
    Project(ProjectId),
    /// Those of all projects.
    Shared,
}

impl CalendarScope {
    fn project(self) -> Option<i64> {
        match self {
            Self::Project(project) => Some(project.0),
            Self::Shared => None,
        }
    }

    fn condition(self) -> Condition {
        Condition::all().add(match self.project() {
            Some(project) => calendar::Column::ProjectId.eq(project),
            None => calendar::Column::ProjectId.is_null(),
        })
    }
}

/// What a calendar is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCalendar {
    /// Its dates.
    pub calendar: Calendar,
    /// For people.
    pub description: String,
}

/// Whether a calendar was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarChange {
    /// It was.
    Created,
    /// It replaces one of its name.
    Replaced,
}

impl TryFrom<calendar::Model> for StoredCalendar {
    type Error = CatalogError;

    fn try_from(row: calendar::Model) -> Result<Self, CatalogError> {
        Ok(Self {
            calendar: read_calendar(&row)?,
            scope: match row.project_id {
                Some(project) => CalendarScope::Project(ProjectId(project)),
                None => CalendarScope::Shared,
            },
            name: row.name,
            description: row.description,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

/// The calendars.
#[derive(Debug, Clone, Copy)]
pub struct Calendars<'a> {
    store: &'a Store,
}

impl<'a> Calendars<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists the calendars of a project, or the shared ones, by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        scope: CalendarScope,
        page: &PageRequest,
    ) -> Result<Page<StoredCalendar>, CatalogError> {
        let after = page.after::<String>("calendars")?.unwrap_or_default();
        let rows = calendar::Entity::find()
            .filter(scope.condition())
            .filter(calendar::Column::Name.gt(after))
            .order_by_asc(calendar::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows
            .into_iter()
            .map(StoredCalendar::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::cut("calendars", page, items, |item: &StoredCalendar| {
            item.name.clone()
        }))
    }

    /// Reads a calendar; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(
        self,
        scope: CalendarScope,
        name: &str,
    ) -> Result<Option<StoredCalendar>, CatalogError> {
        let row = calendar::Entity::find()
            .filter(scope.condition())
            .filter(calendar::Column::Name.eq(name))
            .one(self.store.reader())
            .await?;
        row.map(StoredCalendar::try_from).transpose()
    }

    /// Returns the dates of the calendar that schedules of a project mean by a name; none when there is none.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_effective(
        self,
        project: ProjectId,
        name: &str,
    ) -> Result<Option<Arc<Calendar>>, CatalogError> {
        find_effective_calendar(self.store.reader(), project.0, name).await
    }

    /// Stores a calendar, and plans the schedules again that name it: a change counts at once.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn put(
        self,
        scope: CalendarScope,
        name: &str,
        new: &NewCalendar,
        context: &AuditContext,
    ) -> Result<(StoredCalendar, CalendarChange), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let stored = lock_calendar(change.on(), scope, name).await?;
        let affected = schedules_naming(change.on(), scope, name).await?;
        let mut old_times: Vec<ScheduleTimes> = Vec::with_capacity(affected.len());
        for (row, project) in &affected {
            old_times.push(read_times(change.on(), row, *project).await?);
        }
        let outcome = match stored {
            Some(_) => CalendarChange::Replaced,
            None => CalendarChange::Created,
        };
        let row = store_calendar(change.on(), stored, (scope, name), new, context.at).await?;
        for ((row, project), old) in affected.into_iter().zip(&old_times) {
            plan_again(change.on(), row, old, project, context.at).await?;
        }
        let entry = AuditEntry::done("calendar.put", "calendar", &row.id.to_string()).with_detail(name);
        change.commit_with(&entry).await?;
        Ok((row.try_into()?, outcome))
    }

    /// Deletes a calendar that no schedule names.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `IN_USE`.
    pub async fn delete(
        self,
        scope: CalendarScope,
        name: &str,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_calendar(change.on(), scope, name)
            .await?
            .ok_or_else(|| CatalogError::not_found(format!("calendar `{name}`")))?;
        if let Some((user, _)) = schedules_naming(change.on(), scope, name).await?.first() {
            let workflow = workflow::Entity::find_by_id(user.workflow_id)
                .one(change.on())
                .await?;
            let workflow = workflow.map(|workflow| workflow.name).unwrap_or_default();
            let detail = format!(
                "the schedule `{}` of the workflow `{workflow}` names the calendar",
                user.name
            );
            return Err(CatalogError::conflict("IN_USE", detail));
        }
        calendar::Entity::delete_by_id(row.id).exec(change.on()).await?;
        let entry = AuditEntry::done("calendar.delete", "calendar", &row.id.to_string()).with_detail(name);
        change.commit_with(&entry).await
    }
}

async fn lock_calendar(
    on: &Transaction,
    scope: CalendarScope,
    name: &str,
) -> Result<Option<calendar::Model>, CatalogError> {
    let row = calendar::Entity::find()
        .filter(scope.condition())
        .filter(calendar::Column::Name.eq(name))
        .lock(LockType::Update)
        .one(on)
        .await?;
    Ok(row)
}

/// Lists the schedules that mean this calendar, each with its project, locked against commits of their fires.
async fn schedules_naming(
    on: &Transaction,
    scope: CalendarScope,
    name: &str,
) -> Result<Vec<(schedule::Model, i64)>, CatalogError> {
    let users = schedule::Entity::find()
        .find_also_related(workflow::Entity)
        .filter(schedule::Column::Calendar.eq(name));
    let users = match scope {
        CalendarScope::Project(project) => users.filter(workflow::Column::ProjectId.eq(project.0)),
        CalendarScope::Shared => {
            let own = Query::select()
                .column(calendar::Column::ProjectId)
                .from(calendar::Entity)
                .and_where(calendar::Column::Name.eq(name))
                .and_where(calendar::Column::ProjectId.is_not_null())
                .to_owned();
            users.filter(workflow::Column::ProjectId.not_in_subquery(own))
        }
    };
    let users = users.order_by_asc(schedule::Column::Id).all(on).await?;
    let projects: Vec<(i64, i64, bool)> = users
        .into_iter()
        .filter_map(|(row, workflow)| workflow.map(|w| (row.id, w.project_id, w.enabled)))
        .collect();
    let mut locked = Vec::with_capacity(projects.len());
    for (id, project, is_workflow_enabled) in projects {
        let row = schedule::Entity::find_by_id(id)
            .lock(LockType::Update)
            .one(on)
            .await?;
        locked.extend(row.map(|row| {
            let enabled = row.enabled && is_workflow_enabled;
            (schedule::Model { enabled, ..row }, project)
        }));
    }
    Ok(locked)
}

async fn store_calendar(
    on: &Transaction,
    stored: Option<calendar::Model>,
    (scope, name): (CalendarScope, &str),
    new: &NewCalendar,
    at: Timestamp,
) -> Result<calendar::Model, CatalogError> {
    let dates = |dates: &BTreeSet<_>| serde_json::json!(dates).to_string();
    let row = calendar::ActiveModel {
        timezone: Set(new.calendar.zone.map(|zone| zone.name().to_owned())),
        days: Set(new.calendar.days.as_str().to_owned()),
        exclude: Set(dates(&new.calendar.exclude)),
        include: Set(dates(&new.calendar.include)),
        description: Set(new.description.clone()),
        updated_at: Set(at.0),
        ..calendar::ActiveModel::default()
    };
    let row = match stored {
        Some(stored) => {
            let row = calendar::ActiveModel {
                id: Unchanged(stored.id),
                ..row
            };
            calendar::Entity::update(row).exec(on).await?
        }
        None => {
            let row = calendar::ActiveModel {
                project_id: Set(scope.project()),
                name: Set(name.to_owned()),
                created_at: Set(at.0),
                ..row
            };
            calendar::Entity::insert(row).exec_with_returning(on).await?
        }
    };
    Ok(row)
}
