//! The schedules that give the dates of a backfill.

use engine::backfill::DateSource;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::backfills::stored::Backfills;
use crate::entity::schedule;
use crate::error::CatalogError;
use crate::projects::ProjectId;
use crate::schedules::effective_calendars::find_effective_calendar;
use crate::schedules::rows::read_definition;
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
            let (definition, zone) = read_definition(&row)?;
            let calendar = match &definition.calendar {
                Some(name) => find_effective_calendar(self.store().reader(), project.0, name).await?,
                None => None,
            };
            sources.push(DateSource {
                times: definition.fire_times_without_window(zone, calendar),
                zone,
            });
        }
        Ok(Some(sources))
    }
}
