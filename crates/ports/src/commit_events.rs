//! Broadcasts commits to the listeners of this process.

use std::sync::Arc;

use engine::ids::{BackfillId, Epoch, InstanceId, Timestamp};
use engine::instance::{OperationDecision, Transition};
use engine::states::InstanceState;
use tokio::sync::{Notify, broadcast};

/// One stored commit of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitEvent {
    /// The instance.
    pub id: InstanceId,
    /// When it was decided.
    pub at: Timestamp,
    /// The owner's address.
    pub host: String,
    /// The epoch under which it is owned.
    pub epoch: Epoch,
    /// The state of the instance afterwards, when its row changed.
    pub state: Option<InstanceState>,
    /// What changed, in order.
    pub transitions: Vec<Transition>,
    /// Commands that were decided.
    pub decided: Vec<OperationDecision>,
}

/// A broadcast of commits. A slow listener misses some and must read the store (`Lagged`).
#[derive(Debug, Clone)]
pub struct CommitBroadcast {
    sender: broadcast::Sender<Arc<CommitEvent>>,
    backfills: broadcast::Sender<BackfillId>,
    parents: broadcast::Sender<InstanceId>,
    ends: Arc<Notify>,
    places: Arc<Notify>,
    alerts: Arc<Notify>,
}

impl CommitBroadcast {
    /// Makes a broadcast that keeps `capacity` commits for slow listeners.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            sender: broadcast::channel(capacity).0,
            backfills: broadcast::channel(capacity).0,
            parents: broadcast::channel(capacity).0,
            ends: Arc::default(),
            places: Arc::default(),
            alerts: Arc::default(),
        }
    }

    /// Sends a commit to the listeners; harmless without any.
    pub fn publish(&self, event: CommitEvent) {
        if self.sender.receiver_count() > 0 {
            self.sender.send(Arc::new(event)).ok();
        }
    }

    /// Says that a backfill or the state of one of its instances has changed.
    pub fn publish_backfill(&self, backfill: BackfillId) {
        self.backfills.send(backfill).ok();
    }

    /// Says that the state of a child of an instance has changed.
    pub fn publish_parent(&self, parent: InstanceId) {
        self.parents.send(parent).ok();
    }

    /// Returns a receiver of the instances whose children change from now on.
    pub fn subscribe_parents(&self) -> broadcast::Receiver<InstanceId> {
        self.parents.subscribe()
    }

    /// Says that a place may have come free.
    pub fn notify_places(&self) {
        self.places.notify_one();
    }

    /// Waits until a place may have come free; for one listener.
    pub async fn place_notice(&self) {
        self.places.notified().await;
    }

    /// Says that a commit may have stored events of alerts.
    pub fn notify_alerts(&self) {
        self.alerts.notify_one();
    }

    /// Waits until a commit may have stored events of alerts; for one listener.
    pub async fn alert_notice(&self) {
        self.alerts.notified().await;
    }

    /// Returns a receiver of the backfills that change from now on.
    pub fn subscribe_backfills(&self) -> broadcast::Receiver<BackfillId> {
        self.backfills.subscribe()
    }

    /// Says that an instance has ended.
    pub fn publish_end(&self) {
        self.ends.notify_one();
    }

    /// Waits until an instance has ended since the last wait; for one listener.
    pub async fn wait_for_ends(&self) {
        self.ends.notified().await;
    }

    /// Returns a receiver of the commits from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<CommitEvent>> {
        self.sender.subscribe()
    }
}
