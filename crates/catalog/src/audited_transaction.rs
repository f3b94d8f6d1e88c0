//! A change of the catalog: one transaction with its audit row and its request key.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, TryInsertResult};

use crate::audit::{self, AuditEntry};
use crate::context::AuditContext;
use crate::entity::request_key;
use crate::error::CatalogError;
use store::Store;
use store::Transaction;

/// Time for which a request key is kept.
pub(crate) const KEY_RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

/// A change under way; dropped without `commit` it leaves nothing.
pub(crate) struct AuditedTransaction<'a> {
    store: &'a Store,
    transaction: Transaction,
    context: &'a AuditContext,
}

impl<'a> AuditedTransaction<'a> {
    /// Begins a change. The request key, if any, is reserved first, so that a second request with it waits here.
    pub(crate) async fn begin(store: &'a Store, context: &'a AuditContext) -> Result<Self, CatalogError> {
        let change = Self {
            store,
            transaction: store.begin().await?,
            context,
        };
        change.reserve_key().await?;
        Ok(change)
    }

    /// Returns the transaction in which the change's statements run.
    pub(crate) fn on(&self) -> &Transaction {
        &self.transaction
    }

    async fn reserve_key(&self) -> Result<(), CatalogError> {
        let Some(key) = &self.context.key else {
            return Ok(());
        };
        let at = self.context.at.0;
        request_key::Entity::delete_many()
            .filter(request_key::Column::Key.eq(&key.key))
            .filter(request_key::Column::At.lt(at - KEY_RETENTION_MS))
            .exec(&self.transaction)
            .await?;
        let row = request_key::ActiveModel {
            key: Set(key.key.clone()),
            body_hash: Set(key.body_hash.clone()),
            resource_kind: Set(String::new()),
            resource: Set(String::new()),
            at: Set(at),
        };
        let reserved = request_key::Entity::insert(row)
            .on_conflict_do_nothing_on([request_key::Column::Key])
            .exec_without_returning(&self.transaction)
            .await?;
        if matches!(reserved, TryInsertResult::Inserted(1)) {
            return Ok(());
        }
        Err(CatalogError::conflict(
            "IDEMPOTENCY_KEY_IN_USE",
            "a request with this Idempotency-Key was sent before",
        ))
    }

    /// Stores what the change did, and all of it together. `kind` and `resource` name what it was done to, for
    /// the audit log and for a repetition of the request.
    pub(crate) async fn commit(self, action: &str, kind: &str, resource: &str) -> Result<(), CatalogError> {
        let entry = AuditEntry::done(action, kind, resource);
        self.commit_with(&entry).await
    }

    /// Stores it with details for the audit log.
    pub(crate) async fn commit_with(self, entry: &AuditEntry) -> Result<(), CatalogError> {
        audit::append(&self.transaction, entry, self.context).await?;
        if let Some(key) = &self.context.key {
            let row = request_key::ActiveModel {
                key: Unchanged(key.key.clone()),
                resource_kind: Set(entry.kind.clone()),
                resource: Set(entry.resource.clone()),
                ..request_key::ActiveModel::default()
            };
            request_key::Entity::update(row)
                .exec_without_returning(&self.transaction)
                .await?;
        }
        Ok(self.store.commit(self.transaction).await?)
    }
}
