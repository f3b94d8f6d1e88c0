//! When an instance last received an event.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::ids::Timestamp;

/// Written by the actor of an instance, read by its master: idle instances are handed over first. A reader that is a
/// moment late selects another one, which is harmless.
#[derive(Debug, Clone)]
pub struct LastActivity(Arc<AtomicI64>);

impl LastActivity {
    /// Starts at a moment.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    /// Records an event.
    pub fn record(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// Returns the time of the last event.
    pub fn at(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}
