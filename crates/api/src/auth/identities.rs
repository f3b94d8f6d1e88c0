//! A short-lived cache of the identities behind tokens, which spares the database a read per request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use catalog::Identity;
use engine::ids::Timestamp;
use sha2::{Digest, Sha256};

/// Age up to which a cached identity is used: the time that a revoked token may still work on other nodes.
const MAX_AGE: Duration = Duration::from_secs(2);
/// Number of cached tokens above which the cache is emptied.
const CAPACITY: usize = 10_000;

/// Identities by the hash of their token; only valid tokens are cached.
#[derive(Debug, Default)]
pub(crate) struct IdentityCache {
    entries: Mutex<CacheEntries>,
}

#[derive(Debug, Default)]
struct CacheEntries {
    by_hash: HashMap<String, (Identity, Instant)>,
    generation: u64,
}

impl IdentityCache {
    /// Returns a cached identity, unless its token has expired in the meantime.
    pub(crate) fn get_identity(&self, hash: &str, now: Timestamp) -> Option<Identity> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (identity, since) = entries.by_hash.get(hash)?;
        let ended = identity.expires_at.is_some_and(|end| end <= now);
        (since.elapsed() < MAX_AGE && !ended).then(|| identity.clone())
    }

    /// Returns a number that grows with every `clear`; what was read before one is not cached after it.
    pub(crate) fn generation(&self) -> u64 {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .generation
    }

    /// Caches an identity that was read in this generation.
    pub(crate) fn put_identity(&self, hash: &str, identity: &Identity, generation: u64) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.generation != generation {
            return;
        }
        if entries.by_hash.len() >= CAPACITY {
            entries.by_hash.clear();
        }
        entries
            .by_hash
            .insert(hash.to_owned(), (identity.clone(), Instant::now()));
    }

    /// Empties the cache; called after every change of users and tokens.
    pub(crate) fn clear(&self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.by_hash.clear();
        entries.generation += 1;
    }
}

/// The stored form of a token: SHA-256 in hex.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
