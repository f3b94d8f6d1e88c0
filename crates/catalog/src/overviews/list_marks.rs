//! Marks of lists, which change with what they hold: a reader that has the list learns when to read it again.

use std::collections::BTreeMap;

use engine::task_type::WatchKind;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationTrait, Select,
};

use crate::alerts::stored::DeliveryState;
use crate::catalog::Catalog;
use crate::entity::{
    alert, alert_delivery, alert_delivery_item, attempt, instance, project, schedule, task_instance, workflow,
};
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
    /// The alerts, with the states of their deliveries.
    Alerts,
}

/// What changes with the part of a list that belongs to one project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListMark {
    count: i64,
    sum: i64,
    latest: i64,
}

/// The mark of each project that has something in the list, by its name; what belongs to none has the empty name.
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
            MarkedList::Alerts => self.read_alert_marks(visible).await?,
        };
        let mut marks = ListMarks::new();
        for row in rows {
            let mark = marks.entry(row.project).or_default();
            mark.count += row.count;
            mark.sum += row.sum;
            mark.latest = mark.latest.max(row.latest);
        }
        Ok(marks)
    }

    async fn read_marks<E: EntityTrait>(&self, query: Select<E>) -> Result<Vec<MarkRow>, CatalogError> {
        let marked = query
            .column_as(project::Column::Name, "project")
            .expr_as(Expr::cust("COUNT(*)"), "count")
            .group_by(project::Column::Name)
            .into_model::<MarkRow>();
        Ok(marked.all(self.store().reader()).await?)
    }

    /// Marks the newest alerts and what waits, which each change of a delivery begins or ends with: their number is small,
    /// that of all alerts is not.
    async fn read_alert_marks(&self, visible: VisibilityScope) -> Result<Vec<MarkRow>, CatalogError> {
        let reader = self.store().reader();
        let newest = mark_newest_alerts(visible).into_model::<MarkRow>();
        let waiting = mark_waiting_alerts(visible).into_model::<MarkRow>();
        let mut rows = newest.all(reader).await?;
        rows.extend(waiting.all(reader).await?);
        if visible == VisibilityScope::All {
            let of_nodes = mark_newest_node_alert().into_model::<MarkRow>();
            rows.extend(of_nodes.all(reader).await?);
        }
        Ok(rows)
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

/// One look into an index for each project.
fn mark_newest_alerts(visible: VisibilityScope) -> Select<project::Entity> {
    let latest = "(SELECT MAX(alert.id) FROM alert WHERE alert.project_id = project.id)";
    let has_any = "EXISTS (SELECT 1 FROM alert WHERE alert.project_id = project.id)";
    project::Entity::find()
        .select_only()
        .column_as(project::Column::Name, "project")
        .expr_as(Expr::cust("CAST(0 AS BIGINT)"), "count")
        .expr_as(Expr::cust("CAST(0 AS BIGINT)"), "sum")
        .expr_as(Expr::cust(latest), "latest")
        .filter(Expr::cust(has_any))
        .filter(visible.condition(project::Column::Id))
}

fn mark_newest_node_alert() -> Select<alert::Entity> {
    alert::Entity::find()
        .select_only()
        .expr_as(Expr::cust("''"), "project")
        .expr_as(Expr::cust("CAST(0 AS BIGINT)"), "count")
        .expr_as(Expr::cust("CAST(0 AS BIGINT)"), "sum")
        .expr_as(Expr::cust("COALESCE(MAX(alert.id), 0)"), "latest")
        .filter(alert::Column::ProjectId.is_null())
}

/// A try raises `attempts`, its failure `failures`, and its end takes the delivery out of the sum.
fn mark_waiting_alerts(visible: VisibilityScope) -> Select<alert_delivery_item::Entity> {
    let sum =
        "CAST(SUM(31 * alert_delivery.id + 7 * alert_delivery.attempts + alert_delivery.failures) AS BIGINT)";
    alert_delivery_item::Entity::find()
        .select_only()
        .expr_as(Expr::cust("COALESCE(project.name, '')"), "project")
        .expr_as(Expr::cust("COUNT(*)"), "count")
        .expr_as(Expr::cust(sum), "sum")
        .expr_as(Expr::cust("CAST(0 AS BIGINT)"), "latest")
        .join(JoinType::InnerJoin, alert_delivery_item::Relation::Delivery.def())
        .join(JoinType::InnerJoin, alert_delivery_item::Relation::Alert.def())
        .join(JoinType::LeftJoin, alert::Relation::Project.def())
        .filter(alert_delivery::Column::State.eq(DeliveryState::Waiting.as_str()))
        .filter(visible.condition(alert::Column::ProjectId))
        .group_by(project::Column::Name)
}
