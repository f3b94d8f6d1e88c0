//! Which backfills a list shows.

use engine::backfill::BackfillState;
use sea_orm::sea_query::{ExprTrait as _, Query};
use sea_orm::{ColumnTrait, Condition};

use crate::backfills::state::state_expression;
use crate::entity::{backfill, project, workflow};
use crate::visibility::VisibilityScope;

/// Which backfills are wanted; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillFilter {
    /// Only what this user may read.
    pub visible: VisibilityScope,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// One of these states; empty means any.
    pub states: Vec<BackfillState>,
}

impl BackfillFilter {
    /// Returns the condition of the wanted backfills.
    pub(crate) fn condition(&self) -> Condition {
        let mut condition = self.visible.condition(backfill::Column::ProjectId);
        if let Some(name) = &self.project {
            let projects = Query::select()
                .column(project::Column::Id)
                .from(project::Entity)
                .and_where(project::Column::Name.eq(name))
                .to_owned();
            condition = condition.add(backfill::Column::ProjectId.in_subquery(projects));
        }
        if let Some(name) = &self.workflow {
            let workflows = Query::select()
                .column(workflow::Column::Id)
                .from(workflow::Entity)
                .and_where(workflow::Column::Name.eq(name))
                .to_owned();
            condition = condition.add(backfill::Column::WorkflowId.in_subquery(workflows));
        }
        if !self.states.is_empty() {
            let states = self.states.iter().map(|state| state.as_str());
            condition = condition.add(state_expression().is_in(states));
        }
        condition
    }
}
