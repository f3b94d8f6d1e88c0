//! Which instances a list shows.

use engine::states::InstanceState;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition};

use crate::entity::{instance, project, workflow};
use crate::visibility::VisibilityScope;

/// Which instances are wanted; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Only what this user may read.
    pub visible: VisibilityScope,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// One of these states; empty means any.
    pub states: Vec<InstanceState>,
    /// The owner's address.
    pub host: Option<String>,
}

impl InstanceFilter {
    /// Returns the condition of the wanted instances.
    pub(crate) fn condition(&self) -> Condition {
        let mut condition = self.visible.condition(instance::Column::ProjectId);
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
}
