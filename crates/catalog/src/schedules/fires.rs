//! What became of the fires of a schedule.

use engine::ids::{InstanceId, ScheduleId, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::narrow;
use crate::entity::schedule_fire;
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::schedules::stored::Schedules;

/// One fire, or skipped ones in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleFire {
    /// Its time; of skipped ones the newest.
    pub fire_at: Timestamp,
    /// The oldest of skipped ones.
    pub first_fire_at: Timestamp,
    /// `started`, `skipped` or `refused`.
    pub outcome: String,
    /// Why it was not started.
    pub why: Option<String>,
    /// How late it was started, in milliseconds.
    pub late_ms: Option<i64>,
    /// Its instance, which may be deleted.
    pub instance: Option<InstanceId>,
    /// How many fires.
    pub count: u32,
}

impl TryFrom<schedule_fire::Model> for ScheduleFire {
    type Error = CatalogError;

    fn try_from(row: schedule_fire::Model) -> Result<Self, CatalogError> {
        Ok(Self {
            fire_at: Timestamp(row.fire_at),
            first_fire_at: Timestamp(row.first_fire_at),
            outcome: row.outcome,
            why: row.why,
            late_ms: row.late_ms,
            instance: row.instance.map(InstanceId),
            count: narrow("fires", row.fires)?,
        })
    }
}

impl Schedules<'_> {
    /// Lists the fires of a schedule, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list_fires(
        self,
        schedule: ScheduleId,
        page: &PageRequest,
    ) -> Result<Page<ScheduleFire>, CatalogError> {
        let before = page.after::<i64>("fires")?.unwrap_or(i64::MAX);
        let rows = schedule_fire::Entity::find()
            .filter(schedule_fire::Column::ScheduleId.eq(schedule.0))
            .filter(schedule_fire::Column::FireAt.lt(before))
            .order_by_desc(schedule_fire::Column::FireAt)
            .limit(page.rows())
            .all(self.store().reader())
            .await?;
        let items = rows
            .into_iter()
            .map(ScheduleFire::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::cut("fires", page, items, |fire: &ScheduleFire| {
            fire.fire_at.to_string()
        }))
    }
}
