//! Request keys make the repetition of a request harmless for a day.

use engine::ids::Timestamp;
use sea_orm::QueryResult;

use super::change::KEY_KEPT_MS;
use super::{Catalog, CatalogError, sql};

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
        let found = sql::first(
            self.reader(),
            "SELECT body_hash, resource_kind, resource FROM request_key WHERE key = $1",
            vec![key.into()],
        )
        .await?;
        let known = |row: &QueryResult| {
            Ok(KnownRequest {
                body_hash: sql::get(row, "body_hash")?,
                kind: sql::get(row, "resource_kind")?,
                resource: sql::get(row, "resource")?,
            })
        };
        found.as_ref().map(known).transpose()
    }

    /// Forgets keys older than a day, and tokens that expired more than a day ago.
    ///
    /// # Errors
    /// `Unavailable`: the next call does it.
    pub async fn forget_old(&self, at: Timestamp) -> Result<(), CatalogError> {
        let yesterday = at.0 - KEY_KEPT_MS;
        let tx = self.begin().await?;
        for statement in [
            "DELETE FROM request_key WHERE at < $1",
            "DELETE FROM token WHERE expires_at < $1",
        ] {
            sql::run(&tx, statement, vec![yesterday.into()]).await?;
        }
        Ok(self.store.commit(tx).await?)
    }
}
