//! Which instances a list shows.

use engine::ids::{BackfillId, InstanceId, Timestamp};
use engine::states::InstanceState;
use engine::trigger::TriggerType;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};

use crate::entity::{instance, project, workflow};
use crate::error::CatalogError;
use crate::visibility::VisibilityScope;
use store::Store;

/// The bounds of an instant, both closed; without one it is open on that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The last instant.
    pub to: Option<Timestamp>,
}

/// A label that an instance has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFilter {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Which instances are wanted; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Only what this user may read.
    pub visible: VisibilityScope,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// The version of the workflow.
    pub version: Option<i64>,
    /// One of these states; empty means any.
    pub states: Vec<InstanceState>,
    /// The owner's address.
    pub host: Option<String>,
    /// What started it.
    pub trigger: Option<TriggerType>,
    /// The name of the schedule that started it.
    pub schedule: Option<String>,
    /// The backfill that started it.
    pub backfill: Option<BackfillId>,
    /// The instance that started it.
    pub parent: Option<InstanceId>,
    /// The user for whom it was started.
    pub requested_by: Option<String>,
    /// One of its labels.
    pub label: Option<LabelFilter>,
    /// The instant that it is for; bounds leave instances without one out.
    pub scheduled: TimeRange,
    /// Its creation.
    pub created: TimeRange,
}

impl InstanceFilter {
    /// Wants everything that a user may read.
    pub fn visible_to(visible: VisibilityScope) -> Self {
        Self {
            visible,
            project: None,
            workflow: None,
            version: None,
            states: Vec::new(),
            host: None,
            trigger: None,
            schedule: None,
            backfill: None,
            parent: None,
            requested_by: None,
            label: None,
            scheduled: TimeRange::default(),
            created: TimeRange::default(),
        }
    }

    /// Returns the condition of the wanted instances, but for their label; none when no instance can fulfil it.
    pub(crate) async fn condition(&self, store: &Store) -> Result<Option<Condition>, CatalogError> {
        let condition = self.visible.condition(instance::Column::ProjectId);
        let Some(condition) = self.add_definition(store, condition).await? else {
            return Ok(None);
        };
        let condition = self.add_origin(condition);
        let condition = self.scheduled.add_to(condition, instance::Column::ScheduledAt);
        let mut condition = self.created.add_to(condition, instance::Column::CreatedAt);
        if let Some(host) = &self.host {
            let running = InstanceState::ALL.iter().filter(|state| !state.is_idle());
            condition = condition
                .add(instance::Column::Owner.is_not_null())
                .add(instance::Column::Attention.is_null())
                .add(instance::Column::State.is_in(running.map(|state| state.as_str())))
                .add(instance::Column::Host.eq(host));
        }
        if !self.states.is_empty() {
            let states = self.states.iter().map(|state| state.as_str());
            condition = condition.add(instance::Column::State.is_in(states));
        }
        Ok(Some(condition))
    }

    /// Adds the workflow, the project and the version. Names are looked up first: with the rows that they name the
    /// database reads an index in the order of the list, with a subquery it would sort.
    async fn add_definition(
        &self,
        store: &Store,
        mut condition: Condition,
    ) -> Result<Option<Condition>, CatalogError> {
        let projects = match &self.project {
            Some(name) => Some(find_projects(store, name).await?),
            None => None,
        };
        let named = match &self.workflow {
            Some(name) => {
                let workflows = find_workflows(store, name, projects.as_deref()).await?;
                Some((instance::Column::WorkflowId, workflows))
            }
            None => projects.map(|projects| (instance::Column::ProjectId, projects)),
        };
        match named {
            Some((_, ids)) if ids.is_empty() => return Ok(None),
            Some((column, ids)) if ids.len() == 1 => condition = condition.add(column.eq(ids[0])),
            Some((column, ids)) => condition = condition.add(column.is_in(ids)),
            None => {}
        }
        let version = self.version.map(|version| instance::Column::Version.eq(version));
        Ok(Some(condition.add_option(version)))
    }

    /// Adds who and what started it.
    fn add_origin(&self, condition: Condition) -> Condition {
        use instance::Column;
        let trigger = self.trigger.map(TriggerType::as_str);
        let (backfill, parent) = (self.backfill.map(|id| id.0), self.parent.map(|id| id.0));
        condition
            .add_option(trigger.map(|name| Column::TriggerType.eq(name)))
            .add_option(self.schedule.as_ref().map(|name| Column::Schedule.eq(name)))
            .add_option(backfill.map(|id| Column::Backfill.eq(id)))
            .add_option(parent.map(|id| Column::Parent.eq(id)))
            .add_option(
                self.requested_by
                    .as_ref()
                    .map(|user| Column::RequestedBy.eq(user)),
            )
    }
}

impl TimeRange {
    fn add_to(self, condition: Condition, column: instance::Column) -> Condition {
        condition
            .add_option(self.from.map(|from| column.gte(from.0)))
            .add_option(self.to.map(|to| column.lte(to.0)))
    }
}

/// Finds the projects that have or had this name.
async fn find_projects(store: &Store, name: &str) -> Result<Vec<i64>, CatalogError> {
    let ids = project::Entity::find()
        .select_only()
        .column(project::Column::Id)
        .filter(project::Column::Name.eq(name))
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(ids)
}

/// Finds the workflows that have or had this name, in some projects or in all.
async fn find_workflows(
    store: &Store,
    name: &str,
    projects: Option<&[i64]>,
) -> Result<Vec<i64>, CatalogError> {
    let in_projects = projects.map(|ids| workflow::Column::ProjectId.is_in(ids.iter().copied()));
    let ids = workflow::Entity::find()
        .select_only()
        .column(workflow::Column::Id)
        .filter(workflow::Column::Name.eq(name))
        .filter(Condition::all().add_option(in_projects))
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(ids)
}
