//! How a workflow actor gets its state: one path for new, recovered, taken over and crashed instances.

use engine::ids::{Epoch, InstanceId};
use engine::states::Attention;

use crate::execution::inbox_reader::InboxContents;
use crate::execution::running_instance::RunningInstance;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::messages::workflow::TakeoverTracker;
use ports::{LoadedInstance, StoreError};

/// What an actor loads its instance for.
#[derive(Debug)]
pub enum LoadMode {
    /// To start a new instance, as its creation committed it: reading it a moment later would return the same.
    New(Box<LoadedInstance>),
    /// To continue with what is stored.
    Recover,
    /// To continue after a take-over, which waits for it.
    Takeover(TakeoverTracker),
    /// To store that the system gives up on the instance.
    Quarantine(Attention),
}

/// Age from which a new instance is read back: commands may wait in its inbox.
const NEW_INSTANCE_MS: i64 = 1_000;

/// What a load brings beside the rows.
#[derive(Debug)]
pub(crate) enum LoadContext {
    /// Nothing.
    Plain,
    /// The take-over that waits for the instance.
    Takeover(TakeoverTracker),
    /// Why the system gives up on the instance.
    Quarantine(Attention),
}

/// A loaded instance.
pub(crate) struct LoadResult {
    /// Its state, with its pinned definition.
    pub(crate) instance: RunningInstance,
    /// What its inbox held.
    pub(crate) found: InboxContents,
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
        LoadMode::New(instance) if deps.clock.now().since(instance.rows.created_at) < NEW_INSTANCE_MS => {
            (Some(*instance), LoadContext::Plain)
        }
        LoadMode::New(_) => (None, LoadContext::Plain),
        LoadMode::Recover => (None, LoadContext::Plain),
        LoadMode::Takeover(tracker) => (None, LoadContext::Takeover(tracker)),
        LoadMode::Quarantine(attention) => (None, LoadContext::Quarantine(attention)),
    };
    let loaded = match new_instance {
        Some(instance) => Some(instance),
        None => deps.loader.load(id, epoch).await?,
    };
    let Some(mut loaded) = loaded else {
        return Ok(None);
    };
    let duplicates = loaded.duplicate_open_attempts.len();
    if duplicates > 0 {
        tracing::error!(instance = %id, duplicates, "more than one attempt of a task is open");
    }
    let definition = deps
        .store
        .load_definition(loaded.workflow_id, loaded.version)
        .await?;
    let found = InboxContents {
        commands: std::mem::take(&mut loaded.commands),
        results: std::mem::take(&mut loaded.results),
        // The start holds them already.
        labels: None,
    };
    Ok(Some(LoadResult {
        instance: RunningInstance::new(loaded, definition),
        found,
        context,
    }))
}
