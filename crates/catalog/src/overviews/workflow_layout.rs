//! Where the tasks of a workflow are drawn; kept beside its versions.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{EntityTrait, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::parse_json;
use crate::context::AuditContext;
use crate::entity::workflow_layout;
use crate::error::CatalogError;
use crate::projects::ProjectId;
use crate::workflows::{WorkflowId, Workflows, missing_workflow, select_by_name};

/// Where the tasks of a workflow are drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WorkflowLayout {
    /// The place of each task, x before y; tasks without one are placed by the server.
    pub places: BTreeMap<String, (f64, f64)>,
    /// Tasks that are drawn as one group, by its name.
    pub groups: BTreeMap<String, Vec<String>>,
}

impl Workflows<'_> {
    /// Reads the layout of a workflow, an empty one unless some was stored.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn read_layout(self, workflow: WorkflowId) -> Result<WorkflowLayout, CatalogError> {
        let row = workflow_layout::Entity::find_by_id(workflow.0)
            .one(self.store().reader())
            .await?;
        let stored = row.map(|row| parse_json("layout", &row.layout)).transpose()?;
        Ok(stored.unwrap_or_default())
    }

    /// Replaces the layout of a workflow.
    ///
    /// # Errors
    /// `NotFound`: there is no such workflow.
    pub async fn put_layout(
        self,
        project: ProjectId,
        name: &str,
        layout: &WorkflowLayout,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store(), context).await?;
        let workflow = select_by_name(project, name)
            .lock(LockType::KeyShare)
            .one(change.on())
            .await?
            .ok_or_else(|| missing_workflow(name))?;
        let row = workflow_layout::ActiveModel {
            workflow_id: Set(workflow.id),
            layout: Set(serde_json::json!(layout).to_string()),
            updated_at: Set(context.at.0),
        };
        let replace = OnConflict::column(workflow_layout::Column::WorkflowId)
            .update_columns([
                workflow_layout::Column::Layout,
                workflow_layout::Column::UpdatedAt,
            ])
            .to_owned();
        workflow_layout::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(change.on())
            .await?;
        let entry =
            AuditEntry::done("workflow.layout", "workflow", &workflow.id.to_string()).with_detail(name);
        change.commit_with(&entry).await
    }
}
