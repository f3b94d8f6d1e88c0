//! A change is one transaction: what it does, its audit row and its request key.

use super::audit::{self, AuditEntry};
use super::{Catalog, CatalogError, Request, sql};
use crate::pool::Transaction;
use crate::store::Store;

/// How long a request key is kept.
pub(super) const KEY_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// A change under way; dropped without `commit` it leaves nothing.
pub(super) struct Change<'a> {
    store: &'a Store,
    /// Where its statements run.
    pub(super) tx: Transaction,
    request: &'a Request,
}

impl Catalog {
    /// Begins a change. The request key, if any, is taken first, so that a second request with it waits here.
    pub(super) async fn change<'a>(&'a self, request: &'a Request) -> Result<Change<'a>, CatalogError> {
        let change = Change {
            store: &self.store,
            tx: self.begin().await?,
            request,
        };
        change.take_key().await?;
        Ok(change)
    }
}

impl Change<'_> {
    async fn take_key(&self) -> Result<(), CatalogError> {
        let Some(key) = &self.request.key else {
            return Ok(());
        };
        let at = self.request.at.0;
        sql::run(
            &self.tx,
            "DELETE FROM request_key WHERE key = $1 AND at < $2",
            vec![key.key.clone().into(), (at - KEY_KEPT_MS).into()],
        )
        .await?;
        let taken = sql::run(
            &self.tx,
            "INSERT INTO request_key (key, body_hash, resource_kind, resource, at) VALUES ($1, $2, '', '', $3) \
             ON CONFLICT (key) DO NOTHING",
            vec![key.key.clone().into(), key.body_hash.clone().into(), at.into()],
        )
        .await?;
        if taken == 1 {
            return Ok(());
        }
        Err(CatalogError::Conflict {
            code: "IDEMPOTENCY_KEY_IN_USE",
            detail: "a request with this Idempotency-Key was sent before".into(),
        })
    }

    /// Stores what the change did, and all of it together. `kind` and `resource` name what it was done to, for
    /// the audit log and for a repetition of the request.
    pub(super) async fn commit(self, action: &str, kind: &str, resource: &str) -> Result<(), CatalogError> {
        let entry = AuditEntry::done(action, kind, resource);
        self.commit_with(&entry).await
    }

    /// Like `commit`, with details for the audit log.
    pub(super) async fn commit_with(self, entry: &AuditEntry) -> Result<(), CatalogError> {
        audit::append(&self.tx, entry, self.request).await?;
        if let Some(key) = &self.request.key {
            sql::run(
                &self.tx,
                "UPDATE request_key SET resource_kind = $2, resource = $3 WHERE key = $1",
                vec![
                    key.key.clone().into(),
                    entry.kind.clone().into(),
                    entry.resource.clone().into(),
                ],
            )
            .await?;
        }
        Ok(self.store.commit(self.tx).await?)
    }
}
