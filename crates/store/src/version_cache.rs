//! What was made of versions of workflows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values that were made of versions before, by workflow and version; a version never changes.
#[derive(Debug)]
pub struct VersionCache<T> {
    by_version: Mutex<BTreeMap<(i64, i64), Arc<T>>>,
    capacity: usize,
}

impl<T> VersionCache<T> {
    /// Makes an empty cache. When it holds `capacity` values, the next one empties it first.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            by_version: Mutex::default(),
            capacity,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(i64, i64), Arc<T>>> {
        self.by_version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a value that was made before.
    pub fn get(&self, version: (i64, i64)) -> Option<Arc<T>> {
        self.lock().get(&version).cloned()
    }

    /// Keeps a value.
    pub fn insert(&self, version: (i64, i64), value: Arc<T>) {
        let mut cached = self.lock();
        if cached.len() >= self.capacity {
            cached.clear();
        }
        cached.insert(version, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_starts_again_with_the_newest_value() {
        let cache = VersionCache::with_capacity(2);
        for version in 1..=3 {
            cache.insert((7, version), Arc::new(version * 10));
        }
        assert_eq!(cache.get((7, 3)).as_deref(), Some(&30));
        assert_eq!(cache.get((7, 1)), None);
        assert_eq!(cache.get((8, 3)), None);
    }
}
