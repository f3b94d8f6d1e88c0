//! Remembers for a moment whose token it is, so that not every request asks the database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::ids::Millis;
use sha2::{Digest, Sha256};

use store::catalog::Identity;

/// A revoked token works at most so long on other nodes; on this one not at all.
const FRESH: Duration = Duration::from_secs(2);
/// Above this many the table is emptied.
const REMEMBERED: usize = 10_000;

/// Whose token it is, by the token's hash. Only tokens that were valid are remembered.
#[derive(Debug, Default)]
pub(in super::super) struct Identities {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_hash: HashMap<String, (Identity, Instant)>,
    generation: u64,
}

impl Identities {
    /// A token that has ended meanwhile is not known, however fresh it is.
    pub(super) fn get(&self, hash: &str, now: Millis) -> Option<Identity> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (identity, since) = known.by_hash.get(hash)?;
        let ended = identity.expires_at.is_some_and(|end| end <= now);
        (since.elapsed() < FRESH && !ended).then(|| identity.clone())
    }

    /// Grows with every `forget`; an answer that was asked for before one is not remembered.
    pub(super) fn generation(&self) -> u64 {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .generation
    }

    pub(super) fn put(&self, hash: &str, identity: &Identity, asked_in: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.generation != asked_in {
            return;
        }
        if known.by_hash.len() >= REMEMBERED {
            known.by_hash.clear();
        }
        known
            .by_hash
            .insert(hash.to_owned(), (identity.clone(), Instant::now()));
    }

    /// Forgets everything; called after every change of users and tokens.
    pub(in super::super) fn forget(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.by_hash.clear();
        known.generation += 1;
    }
}

/// The stored form of a token: SHA-256 in hex.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
