//! The last instances of several workflows, and their next fires, each in one query.

use std::collections::BTreeMap;

use engine::ids::{InstanceId, Timestamp};
use engine::states::InstanceState;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use crate::columns::parse_name;
use crate::entity::schedule;
use crate::error::CatalogError;
use crate::workflows::{WorkflowId, Workflows};

/// One instance of a workflow in the overview of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    /// The instance.
    pub id: InstanceId,
    /// Its state.
    pub state: InstanceState,
    /// When its run started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct RunRow {
    workflow_id: i64,
    id: i64,
    state: String,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

impl Workflows<'_> {
    /// Reads when schedules of each workflow fire next; workflows without a fire to come are left out.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn next_fires(
        self,
        workflows: &[WorkflowId],
    ) -> Result<BTreeMap<WorkflowId, Timestamp>, CatalogError> {
        let rows: Vec<(i64, Option<i64>)> = schedule::Entity::find()
            .select_only()
            .column(schedule::Column::WorkflowId)
            .column_as(schedule::Column::NextFireAt.min(), "next_fire_at")
            .filter(schedule::Column::WorkflowId.is_in(workflows.iter().map(|workflow| workflow.0)))
            .group_by(schedule::Column::WorkflowId)
            .into_tuple()
            .all(self.store().reader())
            .await?;
        let fires = rows.into_iter();
        Ok(fires
            .filter_map(|(workflow, at)| Some((WorkflowId(workflow), Timestamp(at?))))
            .collect())
    }

    /// Reads the newest instances of each workflow, at most `runs` of each, newest first.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn last_runs(
        self,
        workflows: &[WorkflowId],
        runs: u32,
    ) -> Result<BTreeMap<WorkflowId, Vec<WorkflowRun>>, CatalogError> {
        let mut found: BTreeMap<WorkflowId, Vec<WorkflowRun>> = BTreeMap::new();
        let Some(before_first) = runs.checked_sub(1).filter(|_| !workflows.is_empty()) else {
            return Ok(found);
        };
        let places: Vec<String> = (2..workflows.len() + 2)
            .map(|place| format!("${place}"))
            .collect();
        // The index on (workflow, id) finds the oldest instance that is shown, and everything after it.
        let sql = format!(
            "SELECT i.workflow_id, i.id, i.state, i.started_at, i.ended_at FROM workflow w \
             JOIN instance i ON i.workflow_id = w.id AND i.id >= coalesce((SELECT o.id FROM instance o \
                 WHERE o.workflow_id = w.id ORDER BY o.id DESC LIMIT 1 OFFSET $1), 0) \
             WHERE w.id IN ({}) ORDER BY i.workflow_id, i.id DESC",
            places.join(", ")
        );
        let values = [i64::from(before_first).into()]
            .into_iter()
            .chain(workflows.iter().map(|workflow| workflow.0.into()));
        let rows = self
            .store()
            .reader()
            .query_all_raw(self.store().statement(&sql, values))
            .await?;
        for row in &rows {
            let row = RunRow::from_query_result(row, "")?;
            let run = WorkflowRun {
                id: InstanceId(row.id),
                state: parse_name("state", &row.state)?,
                started_at: row.started_at.map(Timestamp),
                ended_at: row.ended_at.map(Timestamp),
            };
            found.entry(WorkflowId(row.workflow_id)).or_default().push(run);
        }
        Ok(found)
    }
}
