//! Changes of a workflow that make no new version.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{EntityTrait, QuerySelect};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::workflow;
use crate::error::CatalogError;
use crate::projects::ProjectId;
use crate::schedules::document::follow_workflow;
use crate::workflows::{Workflows, missing_workflow, select_by_name};

/// What changes of a workflow; none leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkflowEdit {
    /// Whether it may be started.
    pub enabled: Option<bool>,
}

impl Workflows<'_> {
    /// Changes a workflow; what has its value already is not stored again.
    ///
    /// # Errors
    /// `NotFound`: there is none of that name.
    pub async fn edit(
        self,
        project: ProjectId,
        name: &str,
        edit: &WorkflowEdit,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store(), context).await?;
        let stored = select_by_name(project, name)
            .lock(LockType::Update)
            .one(change.on())
            .await?
            .ok_or_else(|| missing_workflow(name))?;
        let Some(enabled) = edit.enabled.filter(|enabled| *enabled != stored.enabled) else {
            return Ok(());
        };
        let row = workflow::ActiveModel {
            id: Unchanged(stored.id),
            enabled: Set(enabled),
            ..workflow::ActiveModel::default()
        };
        workflow::Entity::update(row)
            .exec_without_returning(change.on())
            .await?;
        let workflow = workflow::Model { enabled, ..stored };
        follow_workflow(change.on(), &workflow, context.at).await?;
        let action = if enabled {
            "workflow.enable"
        } else {
            "workflow.disable"
        };
        let entry = AuditEntry::done(action, "workflow", &workflow.id.to_string()).with_detail(name);
        change.commit_with(&entry).await
    }
}

/// Refuses to start anything of a disabled workflow.
pub(crate) fn disabled_workflow(name: &str) -> CatalogError {
    CatalogError::conflict("WORKFLOW_DISABLED", format!("the workflow `{name}` is disabled"))
}
