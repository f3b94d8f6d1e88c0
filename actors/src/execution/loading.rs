//! How a workflow actor gets its state: one path for new, recovered, taken over and crashed instances.

use std::sync::Arc;

use engine::ids::{Epoch, InstanceId};
use engine::spec::Definition;
use engine::states::Attention;

use crate::execution::workflow_deps::WorkflowDeps;
use crate::messages::workflow::TakeoverTracker;
use crate::ports::{LoadedInstance, StoreError};

/// What an actor loads its instance for.
#[derive(Debug)]
pub enum LoadMode {
    /// To start a new instance, as its creation committed it: reading it would return the same.
    New(Box<LoadedInstance>),
    /// To continue with what is stored.
    Recover,
    /// To continue after a take-over, which waits for it.
    Takeover(TakeoverTracker),
    /// To store that the system gives up on the instance.
    Quarantine(Attention),
}

/// What a load brings beside the instance.
#[derive(Debug)]
pub(crate) enum LoadContext {
    /// Nothing.
    Plain,
    /// The take-over that waits for the instance.
    Takeover(TakeoverTracker),
    /// Why the system gives up on the instance.
    Quarantine(Attention),
}

/// A loaded instance with its definition.
pub(crate) struct LoadResult {
    /// What the store holds of it.
    pub(crate) instance: LoadedInstance,
    /// Its pinned definition.
    pub(crate) definition: Arc<Definition>,
    /// What else the load brings.
    pub(crate) context: LoadContext,
}

/// Loads an instance under its ownership; none when it has another owner or epoch now.
pub(crate) async fn load_instance(
    deps: &WorkflowDeps,
    id: InstanceId,
    epoch: Epoch,
    mode: LoadMode,
) -> Result<Option<LoadResult>, StoreError> {
    let (new_instance, context) = match mode {
        LoadMode::New(instance) => (Some(*instance), LoadContext::Plain),
        LoadMode::Recover => (None, LoadContext::Plain),
        LoadMode::Takeover(tracker) => (None, LoadContext::Takeover(tracker)),
        LoadMode::Quarantine(attention) => (None, LoadContext::Quarantine(attention)),
    };
    let instance = match new_instance {
        Some(instance) => Some(instance),
        None => deps.loader.load(id, epoch).await?,
    };
    let Some(instance) = instance else {
        return Ok(None);
    };
    let definition = deps
        .store
        .load_definition(instance.workflow_id, instance.version)
        .await?;
    Ok(Some(LoadResult {
        instance,
        definition,
        context,
    }))
}
