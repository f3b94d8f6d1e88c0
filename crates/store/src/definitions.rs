//! The cache of pinned definitions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::spec::Definition;

/// Number of definitions in the cache; when it is full, it starts again empty.
const CAPACITY: usize = 256;

/// Definitions that were read before, by workflow and version; a version never changes.
#[derive(Debug, Default)]
pub(crate) struct DefinitionCache {
    by_version: Mutex<BTreeMap<(i64, i64), Arc<Definition>>>,
}

impl DefinitionCache {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(i64, i64), Arc<Definition>>> {
        self.by_version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a definition that was read before.
    pub(crate) fn get(&self, version: (i64, i64)) -> Option<Arc<Definition>> {
        self.lock().get(&version).cloned()
    }

    /// Keeps a definition that was read.
    pub(crate) fn insert(&self, version: (i64, i64), definition: Arc<Definition>) {
        let mut cached = self.lock();
        if cached.len() >= CAPACITY {
            cached.clear();
        }
        cached.insert(version, definition);
    }
}
