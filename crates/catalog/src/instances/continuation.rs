//! The ended instance that a start continues from.

use std::sync::Arc;

use engine::ids::InstanceId;
use engine::instance::{EndedInstance, Instance, ReusedRows};
use engine::plan::Plan;
use engine::spec::Definition;
use engine::states::InstanceState;
use ports::DefinitionStore as _;
use serde_json::Value;

use crate::error::CatalogError;
use crate::instances::Instances;
use crate::workflows::WorkflowId;

/// An instance of which a new one takes over choices and results.
pub struct Continuation {
    workflow_id: WorkflowId,
    plan: Plan,
    instance: Instance,
}

impl Instances<'_> {
    /// Reads an instance from which another one is to continue; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find_continuation(self, id: InstanceId) -> Result<Option<Continuation>, CatalogError> {
        let Some(loaded) = self.store.read_instance(id).await? else {
            return Ok(None);
        };
        let definition = self
            .store
            .load_definition(loaded.workflow_id, loaded.version)
            .await?;
        let plan = Plan::new(definition, Arc::new(loaded.start));
        Ok(Some(Continuation {
            workflow_id: WorkflowId(loaded.workflow_id),
            instance: Instance::load(&plan, loaded.rows),
            plan,
        }))
    }
}

impl Continuation {
    /// Returns its workflow.
    pub fn workflow_id(&self) -> WorkflowId {
        self.workflow_id
    }

    /// Returns its state.
    pub fn state(&self) -> InstanceState {
        self.instance.record().state
    }

    /// Whether no process ran in it.
    pub fn is_dry_run(&self) -> bool {
        self.plan.start.dry_run
    }

    /// Fills in what the body of a start of this version leaves out.
    pub fn inherit_choices(&self, choices: &mut Value, definition: &Definition) {
        if let Some(members) = choices.as_object_mut() {
            self.ended().inherit_choices(members, definition);
        }
    }

    /// Returns the rows of the tasks of a planned instance whose results are taken over.
    pub fn reusable_rows(&self, plan: &Plan) -> ReusedRows {
        self.ended().reusable_rows(plan)
    }

    fn ended(&self) -> EndedInstance<'_> {
        EndedInstance {
            plan: &self.plan,
            instance: &self.instance,
        }
    }
}
