//! Request keys make the repetition of a request harmless for a day.

use super::{Catalog, CatalogError};

/// A request that was done before under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRequest {
    /// SHA-256 of its body, in hex; another one is `IDEMPOTENCY_KEY_REUSED`.
    pub body_hash: String,
    /// What it made: `instance`, `operation`, `project`, `user` or `token`.
    pub kind: String,
    /// Its id (instance, operation, token) or name (project, user).
    pub resource: String,
}

impl Catalog {
    /// Looks up what a request key stands for; `key` is the hash of user, method, path and key.
    ///
    /// Two requests with one key that run at the same time: the second's change fails as `Conflict` with
    /// `IDEMPOTENCY_KEY_IN_USE`, and a new look-up then finds what the first made.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn known_request(&self, key: &str) -> Result<Option<KnownRequest>, CatalogError> {
        self.later()
    }

    /// Forgets keys older than a day, and tokens that expired more than a day ago.
    ///
    /// # Errors
    /// `Unavailable`: the next call does it.
    pub async fn forget_old(&self, at: engine::ids::Millis) -> Result<(), CatalogError> {
        self.later()
    }
}
