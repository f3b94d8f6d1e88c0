//! Request keys make the repetition of a request harmless for a day.

use engine::ids::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::audited_transaction::KEY_RETENTION_MS;
use crate::entity::{request_key, setup_link, token};
use crate::error::CatalogError;
use store::Store;

pub use ports::RequestKey;

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

/// The idempotency keys of requests.
#[derive(Debug, Clone, Copy)]
pub struct RequestKeys<'a> {
    store: &'a Store,
}

impl<'a> RequestKeys<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Finds the request that was done under a key, which is the hash of user, method, path and `Idempotency-Key`.
    ///
    /// Two requests with one key that run at the same time: the second's change fails as `Conflict` with
    /// `IDEMPOTENCY_KEY_IN_USE`, and a new look-up then finds what the first made.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, key: &str) -> Result<Option<KnownRequest>, CatalogError> {
        let row = request_key::Entity::find_by_id(key)
            .one(self.store.reader())
            .await?;
        Ok(row.map(|row| KnownRequest {
            body_hash: row.body_hash,
            kind: row.resource_kind,
            resource: row.resource,
        }))
    }

    /// Deletes keys older than a day, and tokens and setup links that expired more than a day ago.
    ///
    /// # Errors
    /// `Unavailable`: the next call does it.
    pub async fn purge_expired(self, at: Timestamp) -> Result<(), CatalogError> {
        let limit = at.0 - KEY_RETENTION_MS;
        let transaction = self.store.begin().await?;
        request_key::Entity::delete_many()
            .filter(request_key::Column::At.lt(limit))
            .exec(&transaction)
            .await?;
        token::Entity::delete_many()
            .filter(token::Column::ExpiresAt.lt(limit))
            .exec(&transaction)
            .await?;
        setup_link::Entity::delete_many()
            .filter(setup_link::Column::ExpiresAt.lt(limit))
            .exec(&transaction)
            .await?;
        Ok(self.store.commit(transaction).await?)
    }
}
