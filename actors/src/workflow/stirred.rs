//! When an instance was last told anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::ids::Timestamp;

/// Noted by the actor of an instance, read by its master: idle ones are given away first. A reader that is a moment
/// late chooses another one, and that is all.
#[derive(Debug, Clone)]
pub struct Stirred(Arc<AtomicI64>);

impl Stirred {
    /// Begins with a moment.
    pub fn at_first(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    /// Notes that the instance was told something.
    pub fn note(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// Returns when that was.
    pub fn at(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}
