//! The calendar that a schedule means by a name.

use std::sync::Arc;

use engine::schedule::Calendar;
use engine::timezone::parse_timezone;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use store::Transaction;

use crate::columns::{parse_json, parse_name, unreadable};
use crate::entity::calendar;
use crate::error::CatalogError;

/// Finds the dates of the calendar that schedules of a project mean by a name: its own, else a shared one.
pub(crate) async fn find_effective_calendar<C: ConnectionTrait>(
    on: &C,
    project: i64,
    name: &str,
) -> Result<Option<Arc<Calendar>>, CatalogError> {
    effective_calendar(&select_named(project, name).all(on).await?)
}

/// The same, and keeps the calendar from being deleted until the transaction ends.
pub(crate) async fn lock_effective_calendar(
    on: &Transaction,
    project: i64,
    name: &str,
) -> Result<Option<Arc<Calendar>>, CatalogError> {
    let rows = select_named(project, name)
        .lock(LockType::KeyShare)
        .all(on)
        .await?;
    effective_calendar(&rows)
}

fn select_named(project: i64, name: &str) -> Select<calendar::Entity> {
    let of_project = calendar::Column::ProjectId.eq(project);
    calendar::Entity::find()
        .filter(calendar::Column::Name.eq(name))
        .filter(
            Condition::any()
                .add(of_project)
                .add(calendar::Column::ProjectId.is_null()),
        )
}

fn effective_calendar(rows: &[calendar::Model]) -> Result<Option<Arc<Calendar>>, CatalogError> {
    let own = rows.iter().find(|row| row.project_id.is_some());
    let found = own.or(rows.first());
    found.map(|row| read_calendar(row).map(Arc::new)).transpose()
}

/// Reads the dates of a calendar.
pub(crate) fn read_calendar(row: &calendar::Model) -> Result<Calendar, CatalogError> {
    let zone = row.timezone.as_deref().map(parse_timezone).transpose();
    Ok(Calendar {
        zone: zone.map_err(|error| unreadable("timezone", error))?,
        days: parse_name("days", &row.days)?,
        exclude: parse_json("exclude", &row.exclude)?,
        include: parse_json("include", &row.include)?,
    })
}
