//! Maskers that are used again: a log that is followed is read several times a second, and long values take long to
//! prepare for the search.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::masker::Masker;

/// Time after which a masker is dropped that nothing uses: it holds values.
const KEPT_UNUSED: Duration = Duration::from_secs(30);

/// The most memory of all maskers together, in bytes; the newest is kept in any case.
const MAX_BYTES: usize = 64 << 20;

/// Keeps maskers by what they were made of.
pub struct MaskerCache<K> {
    /// The last used one is the last.
    kept: Mutex<Vec<KeptMasker<K>>>,
}

struct KeptMasker<K> {
    key: K,
    masker: Arc<Masker>,
    used_at: Instant,
}

impl<K: PartialEq> MaskerCache<K> {
    /// Finds a masker.
    pub fn find(&self, key: &K) -> Option<Arc<Masker>> {
        self.find_at(key, Instant::now())
    }

    /// Keeps a masker for as long as it is used.
    pub fn keep(&self, key: K, masker: Arc<Masker>) {
        self.keep_at(key, masker, Instant::now());
    }

    fn find_at(&self, key: &K, now: Instant) -> Option<Arc<Masker>> {
        let mut kept = self.kept.lock();
        kept.retain(|one| now.saturating_duration_since(one.used_at) < KEPT_UNUSED);
        let place = kept.iter().position(|one| one.key == *key)?;
        let mut found = kept.remove(place);
        found.used_at = now;
        let masker = Arc::clone(&found.masker);
        kept.push(found);
        Some(masker)
    }

    fn keep_at(&self, key: K, masker: Arc<Masker>, now: Instant) {
        let mut kept = self.kept.lock();
        kept.retain(|one| one.key != key);
        kept.push(KeptMasker {
            key,
            masker,
            used_at: now,
        });
        let mut bytes: usize = kept.iter().map(|one| one.masker.memory_bytes()).sum();
        while bytes > MAX_BYTES && kept.len() > 1 {
            bytes -= kept.remove(0).masker.memory_bytes();
        }
    }
}

impl<K> Default for MaskerCache<K> {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Vec::new()),
        }
    }
}

impl<K> fmt::Debug for MaskerCache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskerCache(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masker(value: &str) -> Arc<Masker> {
        Arc::new(Masker::new([value]).expect("one value"))
    }

    #[test]
    fn a_masker_is_found_while_it_is_used() {
        let cache = MaskerCache::default();
        let (begin, first) = (Instant::now(), masker("a long value"));
        cache.keep_at(1, Arc::clone(&first), begin);
        assert!(cache.find_at(&2, begin).is_none(), "it was made of other values");
        let soon = begin + KEPT_UNUSED / 2;
        assert!(
            cache
                .find_at(&1, soon)
                .is_some_and(|found| Arc::ptr_eq(&found, &first))
        );
        let later = begin + KEPT_UNUSED;
        assert!(cache.find_at(&1, later).is_some(), "it was used in between");
        assert!(
            cache.find_at(&1, later + KEPT_UNUSED).is_none(),
            "nothing used it"
        );
    }

    #[test]
    fn the_memory_is_bounded_and_the_newest_masker_is_kept() {
        let (cache, now) = (MaskerCache::default(), Instant::now());
        let large = masker(&"0123456789abcdef".repeat(1 << 12));
        let fitting = MAX_BYTES / large.memory_bytes();
        for key in 0..=fitting {
            cache.keep_at(key, Arc::clone(&large), now);
        }
        assert!(
            fitting > 0 && cache.find_at(&0, now).is_none(),
            "the oldest made room"
        );
        assert!(cache.find_at(&fitting, now).is_some());
    }
}
