//! Marks of lists, which change with what they hold: a reader that has the list learns when to read it again.

use std::collections::BTreeMap;

use engine::task_type::WatchKind;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationTrait, Select,
};

use crate::catalog::Catalog;
use crate::entity::{attempt, instance, project, schedule, task_instance, workflow};
use crate::error::CatalogError;
use crate::visibility::VisibilityScope;

/// A list that can be marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkedList {
    /// The workflows.
    Workflows,
    /// The schedules of workflows, with their next fires.
    Schedules,
    /// What waits for the decision of a person.
    Approvals,
}

/// What changes with the part of a list that belongs to one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListMark {
    count: i64,
    sum: i64,
    latest: i64,
}

/// The mark of each project that has something in the list, by its name.
pub type ListMarks = BTreeMap<String, ListMark>;

/// One project of a list.
#[derive(FromQueryResult)]
struct MarkRow {
    project: String,
    count: i64,
    sum: i64,
    latest: i64,
}

impl Catalog {
    /// Marks the visible part of a list.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list_marks(
        &self,
        list: MarkedList,
        visible: VisibilityScope,
    ) -> Result<ListMarks, CatalogError> {
        let rows = match list {
            MarkedList::Workflows => self.read_marks(mark_workflows(visible)).await?,
            MarkedList::Schedules => self.read_marks(mark_schedules(visible)).await?,
            MarkedList::Approvals => self.read_marks(mark_approvals(visible)).await?,
        };
        let marks = rows.into_iter().map(|row| {
            let mark = ListMark {
                count: row.count,
                sum: row.sum,
                latest: row.latest,
            };
            (row.project, mark)
        });
        Ok(marks.collect())
    }

    async fn read_marks<E: EntityTrait>(&self, query: Select<E>) -> Result<Vec<MarkRow>, CatalogError> {
        let marked = query
            .column_as(project::Column::Name, "project")
            .expr_as(Expr::cust("COUNT(*)"), "count")
            .group_by(project::Column::Name)
            .into_model::<MarkRow>();
        Ok(marked.all(self.store().reader()).await?)
    }
}

/// A new version, and a workflow that is enabled or disabled, change the sum.
fn mark_workflows(visible: VisibilityScope) -> Select<workflow::Entity> {
    let sum = "CAST(SUM(2 * workflow.version + CASE WHEN workflow.enabled THEN 1 ELSE 0 END) AS BIGINT)";
    workflow::Entity::find()
        .select_only()
        .expr_as(Expr::cust(sum), "sum")
        .column_as(workflow::Column::UpdatedAt.max(), "latest")
        .join(JoinType::InnerJoin, workflow::Relation::Project.def())
        .filter(workflow::Column::DeletedAt.is_null())
        .filter(visible.condition(workflow::Column::ProjectId))
}

/// Every fire and every change of a user raises the revision.
fn mark_schedules(visible: VisibilityScope) -> Select<schedule::Entity> {
    schedule::Entity::find()
        .select_only()
        .expr_as(Expr::cust("CAST(SUM(schedule.revision) AS BIGINT)"), "sum")
        .column_as(schedule::Column::UpdatedAt.max(), "latest")
        .join(JoinType::InnerJoin, schedule::Relation::Workflow.def())
        .join(JoinType::InnerJoin, workflow::Relation::Project.def())
        .filter(workflow::Column::DeletedAt.is_null())
        .filter(visible.condition(workflow::Column::ProjectId))
}

/// Ids are not used again: another set of waiting attempts has another sum, or another latest one.
fn mark_approvals(visible: VisibilityScope) -> Select<task_instance::Entity> {
    let sum = "CAST(SUM(31 * task_instance.instance + task_instance.attempts) AS BIGINT)";
    task_instance::Entity::find()
        .select_only()
        .expr_as(Expr::cust(sum), "sum")
        .column_as(attempt::Column::CreatedAt.max(), "latest")
        .join(JoinType::InnerJoin, task_instance::Relation::LastAttempt.def())
        .join(JoinType::InnerJoin, task_instance::Relation::Instance.def())
        .join(JoinType::InnerJoin, instance::Relation::Project.def())
        .filter(task_instance::Column::WaitsOn.eq(WatchKind::Approval.as_str()))
        .filter(visible.condition(instance::Column::ProjectId))
}
