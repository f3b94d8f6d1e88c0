//! Reads what reaches an instance through the store: commands of users, results that other masters stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::attempt::AttemptEvent;
use engine::ids::{DispatchId, InstanceId};
use engine::instance::Event;
use engine::task::TaskReport;
use tokio::sync::oneshot;

use crate::messages::workflow::DeliveryOutcome;
use ports::clock::Clock;
use ports::{InboxCommand, RelayedResult, Store, StoreError};

/// What the store holds for an instance beside its rows.
#[derive(Debug, Default)]
pub(crate) struct InboxContents {
    /// Commands that are not applied.
    pub(crate) commands: Vec<InboxCommand>,
    /// Results that workers gave to other masters.
    pub(crate) results: Vec<RelayedResult>,
    /// Its labels, when a user edited them.
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

/// Results that wait for the commit that applies them.
pub(crate) struct QueuedResults {
    /// Their attempts.
    pub(crate) uids: Vec<DispatchId>,
    /// Answered with that commit.
    pub(crate) decided: oneshot::Receiver<DeliveryOutcome>,
}

/// Reads the inbox of one instance.
#[derive(Clone)]
pub(crate) struct InboxReader {
    store: Arc<dyn Store>,
    clock: Clock,
    instance: InstanceId,
}

impl InboxReader {
    /// Makes the reader of an instance.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Clock, instance: InstanceId) -> Self {
        Self {
            store,
            clock,
            instance,
        }
    }

    /// Reads commands, results and labels.
    pub(crate) async fn read(self) -> Result<InboxContents, StoreError> {
        let commands = self.store.list_unapplied_commands(&[self.instance]).await?;
        let results = self.store.list_relayed_results(&[self.instance]).await?;
        let labels = self.store.read_edited_labels(self.instance).await?;
        Ok(InboxContents {
            commands,
            results,
            labels,
        })
    }

    /// Marks results as applied, once the commit that applies them is stored.
    pub(crate) async fn mark_applied(self, results: QueuedResults) {
        if results.decided.await != Ok(DeliveryOutcome::Stored) {
            return;
        }
        let now = self.clock.now();
        if let Err(error) = self.store.mark_results_applied(&results.uids, now).await {
            tracing::debug!(%error, "relayed results were not marked; reconciliation closes them");
        }
    }
}

/// Whether an attempt may start again after an event, so that the inbox is read first: it is lost, or never started.
pub(crate) fn may_start_again(event: &Event) -> bool {
    matches!(
        event,
        Event::Report(TaskReport::Attempt {
            event: AttemptEvent::Lost { .. } | AttemptEvent::NotStarted { .. },
            ..
        })
    )
}
