//! The key ring that every part of a node shares.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::key_ring::KeyRing;

/// A handle on the keys of a node; all copies see the ring that replaces another.
#[derive(Debug, Clone, Default)]
pub struct SharedKeyRing(Arc<RwLock<Arc<KeyRing>>>);

impl SharedKeyRing {
    /// Shares a ring.
    pub fn new(ring: KeyRing) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(ring))))
    }

    /// Returns the ring of this moment.
    pub fn current(&self) -> Arc<KeyRing> {
        Arc::clone(&self.0.read())
    }

    /// Replaces the ring.
    pub fn replace(&self, ring: KeyRing) {
        *self.0.write() = Arc::new(ring);
    }
}
