//! Which instances a list shows.

use engine::ids::{BackfillId, InstanceId, Timestamp};
use engine::states::InstanceState;
use engine::trigger::TriggerType;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition};

use crate::entity::{instance, project, workflow};
use crate::visibility::VisibilityScope;

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

    /// Returns the condition of the wanted instances, but for their label.
    pub(crate) fn condition(&self) -> Condition {
        let condition = self.visible.condition(instance::Column::ProjectId);
        let condition = self.add_names(condition);
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
        condition
    }

    /// Adds the names of project and workflow, and the version.
    fn add_names(&self, mut condition: Condition) -> Condition {
        if let Some(name) = &self.project {
            let projects = Query::select()
                .column(project::Column::Id)
                .from(project::Entity)
                .and_where(project::Column::Name.eq(name))
                .to_owned();
            condition = condition.add(instance::Column::ProjectId.in_subquery(projects));
        }
        if let Some(name) = &self.workflow {
            let workflows = Query::select()
                .column(workflow::Column::Id)
                .from(workflow::Entity)
                .and_where(workflow::Column::Name.eq(name))
                .to_owned();
            condition = condition.add(instance::Column::WorkflowId.in_subquery(workflows));
        }
        condition.add_option(self.version.map(|version| instance::Column::Version.eq(version)))
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
