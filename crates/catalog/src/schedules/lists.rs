//! Lists of schedules.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::entity::{project, schedule, workflow};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::schedules::stored::{Schedule, Schedules};
use crate::visibility::VisibilityScope;

/// Which schedules are wanted; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleFilter {
    /// Only what this user may read.
    pub visible: VisibilityScope,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// Whether it fires.
    pub enabled: Option<bool>,
}

impl Schedules<'_> {
    /// Lists schedules, oldest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        filter: &ScheduleFilter,
        page: &PageRequest,
    ) -> Result<Page<Schedule>, CatalogError> {
        let after = page.after::<i64>("schedules")?.unwrap_or(0);
        let mut query = schedule::Entity::find()
            .find_also_related(workflow::Entity)
            .filter(schedule::Column::Id.gt(after))
            .filter(filter.visible.condition(workflow::Column::ProjectId));
        if let Some(name) = &filter.project {
            let projects = Query::select()
                .column(project::Column::Id)
                .from(project::Entity)
                .and_where(project::Column::Name.eq(name))
                .and_where(project::Column::DeletedAt.is_null())
                .to_owned();
            query = query.filter(workflow::Column::ProjectId.in_subquery(projects));
        }
        if let Some(name) = &filter.workflow {
            query = query.filter(workflow::Column::Name.eq(name));
        }
        if let Some(enabled) = filter.enabled {
            query = query.filter(schedule::Column::Enabled.eq(enabled));
        }
        let rows = query
            .order_by_asc(schedule::Column::Id)
            .limit(page.rows())
            .all(self.store().reader())
            .await?;
        let mut items = Vec::with_capacity(rows.len());
        for (row, workflow) in rows {
            let Some(workflow) = workflow else { continue };
            items.push(self.complete(row, &workflow).await?);
        }
        Ok(Page::cut("schedules", page, items, |item: &Schedule| {
            item.id.to_string()
        }))
    }
}
