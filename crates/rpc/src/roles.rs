//! What this process itself answers: to other nodes by the server, to itself without a network.

use std::sync::{Arc, OnceLock};

use actors::links::{LocalMaster, WorkerLink};
use tokio::sync::Notify;

use super::pause_detector::PauseDetector;

/// The worker and the master of this process, each from when it runs; a node without a role never fills it.
///
/// The server may be open before the actors run: until then it answers that the role is not here. Clones share it.
#[derive(Clone)]
pub struct Roles {
    worker: Arc<OnceLock<Arc<dyn WorkerLink>>>,
    master: Arc<OnceLock<Arc<dyn LocalMaster>>>,
    drain: Arc<Notify>,
    pause_detector: PauseDetector,
}

impl Roles {
    /// Makes an empty one. `drain` is rung when the node is told to drain.
    pub fn new(drain: Arc<Notify>) -> Self {
        Self {
            worker: Arc::default(),
            master: Arc::default(),
            drain,
            pause_detector: PauseDetector::default(),
        }
    }

    /// Takes in the worker; the first one stays.
    pub fn set_worker(&self, worker: Arc<dyn WorkerLink>) {
        self.worker.set(worker).ok();
    }

    /// Takes in the master; the first one stays.
    pub fn set_master(&self, master: Arc<dyn LocalMaster>) {
        self.master.set(master).ok();
    }

    /// What is asked before anything is sent to workers, or started.
    pub fn pause_detector(&self) -> &PauseDetector {
        &self.pause_detector
    }

    pub(super) fn worker(&self) -> Option<&dyn WorkerLink> {
        self.worker.get().map(Arc::as_ref)
    }

    pub(super) fn master(&self) -> Option<&dyn LocalMaster> {
        self.master.get().map(Arc::as_ref)
    }

    pub(super) fn drain(&self) {
        self.drain.notify_one();
    }
}

impl std::fmt::Debug for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roles")
            .field("worker", &self.worker.get().is_some())
            .field("master", &self.master.get().is_some())
            .finish_non_exhaustive()
    }
}
