//! What ran in a time, and what schedules start in it.

use std::collections::BTreeMap;

use engine::ids::{InstanceId, Timestamp};
use engine::states::InstanceState;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
};

use crate::columns::parse_name;
use crate::entity::{instance, project, schedule, workflow};
use crate::error::CatalogError;
use crate::instance_filter::InstanceFilter;
use crate::schedules::stored::{Schedule, Schedules};
use store::Store;

/// What is wanted of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineRequest {
    /// Of which instances and workflows.
    pub instances: InstanceFilter,
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
    /// Entries of each kind at most.
    pub limit: u32,
}

/// An instance in a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// The instance.
    pub id: InstanceId,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// Its state.
    pub state: InstanceState,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A fire to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComingFire {
    /// When.
    pub fire_at: Timestamp,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The schedule's name.
    pub schedule: String,
}

#[derive(FromQueryResult)]
struct PastRow {
    id: i64,
    project_name: String,
    workflow_name: String,
    state: String,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

/// The timelines of projects.
#[derive(Debug, Clone, Copy)]
pub struct Timelines<'a> {
    store: &'a Store,
}

impl<'a> Timelines<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists the instances that were open at some moment of a time, by their start.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list_past(self, request: &TimelineRequest) -> Result<Vec<PastRun>, CatalogError> {
        use instance::Column::{CreatedAt, EndedAt, State};
        let Some(condition) = request.instances.condition(self.store).await? else {
            return Ok(Vec::new());
        };
        let open = InstanceState::ALL.iter().filter(|state| !state.is_final());
        let open = State.is_in(open.map(|state| state.as_str()));
        let began_before = CreatedAt.lt(request.from.0);
        // One statement for each index.
        let parts = [
            Condition::all().add(CreatedAt.between(request.from.0, request.to.0)),
            Condition::all()
                .add(began_before.clone())
                .add(EndedAt.gte(request.from.0)),
            Condition::all().add(began_before).add(open),
        ];
        let mut runs = BTreeMap::new();
        for part in parts {
            for run in self.read_past(condition.clone().add(part), request.limit).await? {
                let begun = run.started_at.unwrap_or(run.created_at);
                runs.insert((begun, run.id), run);
            }
        }
        Ok(runs.into_values().take(request.limit as usize).collect())
    }

    async fn read_past(self, condition: Condition, limit: u32) -> Result<Vec<PastRun>, CatalogError> {
        let rows = instance::Entity::find()
            .join(JoinType::InnerJoin, instance::Relation::Project.def())
            .join(JoinType::InnerJoin, instance::Relation::Workflow.def())
            .select_only()
            .columns([
                instance::Column::Id,
                instance::Column::State,
                instance::Column::CreatedAt,
                instance::Column::StartedAt,
                instance::Column::EndedAt,
            ])
            .column_as(project::Column::Name, "project_name")
            .column_as(workflow::Column::Name, "workflow_name")
            .filter(condition)
            .order_by_asc(instance::Column::CreatedAt)
            .order_by_asc(instance::Column::Id)
            .limit(u64::from(limit))
            .into_model::<PastRow>()
            .all(self.store.reader())
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(PastRun {
                    id: InstanceId(row.id),
                    project: row.project_name,
                    workflow: row.workflow_name,
                    state: parse_name("state", &row.state)?,
                    created_at: Timestamp(row.created_at),
                    started_at: row.started_at.map(Timestamp),
                    ended_at: row.ended_at.map(Timestamp),
                })
            })
            .collect()
    }

    /// Lists the fires of schedules in a time, by time; what is decided already is left out.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list_coming(self, request: &TimelineRequest) -> Result<Vec<ComingFire>, CatalogError> {
        let schedules = Schedules::new(self.store);
        let mut fires = BTreeMap::new();
        for schedule in self.read_schedules(request).await? {
            let times = schedules.fire_times(&schedule).await?;
            let first = schedule.next_fire_at.filter(|at| *at >= request.from);
            let before = Timestamp(request.from.0.saturating_sub(1));
            let next = std::iter::successors(first.or_else(|| times.next_after(before)), |at| {
                times.next_after(*at)
            });
            let wanted = next.take_while(|at| *at <= request.to);
            for fire_at in wanted.take(request.limit as usize) {
                let fire = ComingFire {
                    fire_at,
                    project: schedule.project.clone(),
                    workflow: schedule.workflow.clone(),
                    schedule: schedule.name.clone(),
                };
                fires.insert((fire_at, schedule.id.0), fire);
            }
        }
        Ok(fires.into_values().take(request.limit as usize).collect())
    }

    /// Reads the schedules that fire next: no other one has one of the first fires.
    async fn read_schedules(self, request: &TimelineRequest) -> Result<Vec<Schedule>, CatalogError> {
        let filter = &request.instances;
        let in_project = filter.project.as_ref().map(|name| project::Column::Name.eq(name));
        let of_workflow = filter
            .workflow
            .as_ref()
            .map(|name| workflow::Column::Name.eq(name));
        let rows = schedule::Entity::find()
            .find_also_related(workflow::Entity)
            .join(JoinType::InnerJoin, workflow::Relation::Project.def())
            .filter(schedule::Column::NextFireAt.lte(request.to.0))
            .filter(workflow::Column::Enabled.eq(true))
            .filter(filter.visible.condition(workflow::Column::ProjectId))
            .filter(Condition::all().add_option(in_project).add_option(of_workflow))
            .order_by_asc(schedule::Column::NextFireAt)
            .limit(u64::from(request.limit))
            .all(self.store.reader())
            .await?;
        let schedules = Schedules::new(self.store);
        let mut found = Vec::new();
        for (row, workflow) in rows {
            let Some(workflow) = workflow else { continue };
            let project = schedules.project_name(workflow.project_id).await?;
            found.push(Schedule::from_rows(row, &workflow, project)?);
        }
        Ok(found)
    }
}
