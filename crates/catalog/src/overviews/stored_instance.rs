//! An instance with its plan, as its owner would load it.

use std::sync::Arc;

use engine::ids::InstanceId;
use engine::instance::Instance;
use engine::plan::{InstanceContext, Plan};
use ports::DefinitionStore as _;

use crate::error::CatalogError;
use crate::instances::missing_instance;
use store::Store;

/// An instance as it is stored.
pub(super) struct StoredInstance {
    pub(super) plan: Plan,
    pub(super) instance: Instance,
}

/// Reads an instance with its plan.
///
/// # Errors
/// `NotFound`: there is none of that id.
pub(super) async fn read_stored_instance(
    store: &Store,
    id: InstanceId,
) -> Result<StoredInstance, CatalogError> {
    let loaded = store.read_instance(id).await?;
    let loaded = loaded.ok_or_else(|| missing_instance(id))?;
    let definition = store.load_definition(loaded.workflow_id, loaded.version).await?;
    let context = InstanceContext {
        project: loaded.project,
        workflow: loaded.workflow,
        project_params: loaded.project_params,
        trigger: loaded.trigger,
    };
    let plan = Plan::new(definition, Arc::new(loaded.start)).with_context(context);
    let plan = plan.within(loaded.rows.record.planned_range());
    let instance = Instance::load(&plan, loaded.rows);
    Ok(StoredInstance { plan, instance })
}
