//! Tells everybody in this process what has been stored.

use std::sync::Arc;

use engine::ids::{Epoch, InstanceId, Timestamp};
use engine::instance::{OperationDecision, Transition};
use engine::states::InstanceState;
use tokio::sync::broadcast;

/// One stored round of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// Which.
    pub id: InstanceId,
    /// When.
    pub at: Timestamp,
    /// The owner's address.
    pub host: String,
    /// Under which epoch.
    pub epoch: Epoch,
    /// The state of the instance afterwards, when its row changed.
    pub state: Option<InstanceState>,
    /// What changed, in order.
    pub transitions: Vec<Transition>,
    /// Control operations that were decided.
    pub decided: Vec<OperationDecision>,
}

/// A broadcast of commits. A slow listener misses some and must look at the store (`Lagged`).
#[derive(Debug, Clone)]
pub struct Hub {
    sender: broadcast::Sender<Arc<Committed>>,
}

impl Hub {
    /// Makes a hub that keeps `capacity` commits for slow listeners.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            sender: broadcast::channel(capacity).0,
        }
    }

    /// Tells the listeners; harmless without any.
    pub fn publish(&self, committed: Committed) {
        if self.sender.receiver_count() > 0 {
            self.sender.send(Arc::new(committed)).ok();
        }
    }

    /// Listens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.sender.subscribe()
    }
}
