//! The schedules that give the dates of a backfill.

use engine::backfill::DateSource;
use engine::schedule::{Calendar, parse_schedule};
use engine::timezone::{Tz, parse_timezone};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};
use serde_json::Value;

use crate::backfills::Backfills;
use crate::columns::{parse_json, parse_name, unreadable};
use crate::entity::{calendar, schedule};
use crate::error::CatalogError;
use crate::projects::ProjectId;
use crate::workflows::WorkflowId;

impl Backfills<'_> {
    /// Reads the times of the named schedule of a workflow, else of every enabled one by name, without their windows;
    /// none when there is no schedule of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn date_sources(
        self,
        (project, workflow): (ProjectId, WorkflowId),
        name: Option<&str>,
    ) -> Result<Option<Vec<DateSource>>, CatalogError> {
        let wanted = match name {
            Some(name) => schedule::Column::Name.eq(name),
            None => schedule::Column::Enabled.eq(true),
        };
        let rows = schedule::Entity::find()
            .filter(schedule::Column::WorkflowId.eq(workflow.0))
            .filter(wanted)
            .order_by_asc(schedule::Column::Name)
            .all(self.store().reader())
            .await?;
        if name.is_some() && rows.is_empty() {
            return Ok(None);
        }
        let mut sources = Vec::with_capacity(rows.len());
        for row in rows {
            let zone = read_zone(&row.timezone)?;
            let definition: Value = parse_json("definition", &row.definition)?;
            let definition = parse_schedule(&definition, zone)
                .map_err(|issues| unreadable("definition", format!("{issues:?}")))?;
            let calendar = match &definition.calendar {
                Some(name) => self.find_calendar(project, name).await?,
                None => None,
            };
            sources.push(DateSource {
                times: definition.fire_times_without_window(zone, calendar),
                zone,
            });
        }
        Ok(Some(sources))
    }

    /// Reads a calendar; a project's own goes before a shared one of that name.
    async fn find_calendar(self, project: ProjectId, name: &str) -> Result<Option<Calendar>, CatalogError> {
        let of_project = Condition::any()
            .add(calendar::Column::ProjectId.eq(project.0))
            .add(calendar::Column::ProjectId.is_null());
        let rows = calendar::Entity::find()
            .filter(calendar::Column::Name.eq(name))
            .filter(of_project)
            .all(self.store().reader())
            .await?;
        let own_first = rows.into_iter().max_by_key(|row| row.project_id.is_some());
        own_first.map(read_calendar).transpose()
    }
}

fn read_calendar(row: calendar::Model) -> Result<Calendar, CatalogError> {
    Ok(Calendar {
        zone: row.timezone.as_deref().map(read_zone).transpose()?,
        days: parse_name("days", &row.days)?,
        exclude: parse_json("exclude", &row.exclude)?,
        include: parse_json("include", &row.include)?,
    })
}

fn read_zone(name: &str) -> Result<Tz, CatalogError> {
    parse_timezone(name).map_err(|error| unreadable("timezone", error))
}
