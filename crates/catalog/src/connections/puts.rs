//! The change of a connection by a user.

use engine::connection::CONNECTIONS;
use engine::connector::{ConnectorDraft, ConnectorUpdate};
use engine::spec::Diagnostic;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::EntityTrait;
use secrets::{CONNECTION_FIELDS, SealedFields, SealedText};
use store::Transaction;

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::connections::owner::ConnectionOwner;
use crate::connections::stored::{Connections, StoredConnection, lock_connection};
use crate::context::AuditContext;
use crate::entity::connection;
use crate::error::CatalogError;
use crate::project_secrets::named::named_secrets;
use crate::projects::ProjectId;

/// Fields that say which host a key belongs to, and whether keys are accepted.
const HOST_KEY_FIELDS: [&str; 4] = ["host", "port", "known_hosts", "accept_new"];

/// Whether a connection was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionChange {
    /// It was.
    Created,
    /// It replaces one of its name.
    Replaced,
}

/// What became of a connection that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutConnection {
    /// It is stored.
    Stored(Box<StoredConnection>, ConnectionChange),
    /// Nothing is stored: this is wrong with it.
    Refused(Vec<Diagnostic>),
}

impl Connections<'_> {
    /// Stores a connection; what is wrong with it beside what is stored is refused.
    ///
    /// # Errors
    /// `Conflict` with `NO_SECRETS_KEY`; `Unavailable`: try again.
    pub async fn put(
        self,
        owner: ConnectionOwner,
        name: &str,
        draft: ConnectorDraft,
        context: &AuditContext,
    ) -> Result<PutConnection, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let old = lock_connection(change.on(), owner, name).await?;
        let old = old.map(StoredConnection::try_from).transpose()?;
        let update = match draft.merge(old.as_ref().map(|old| &old.connector)) {
            Ok(update) => update,
            Err(faults) => return Ok(PutConnection::Refused(faults)),
        };
        let faults = self
            .project_secrets()
            .check_named(
                change.on(),
                owner.project().map(ProjectId),
                (CONNECTIONS, &update),
            )
            .await?;
        if !faults.is_empty() {
            return Ok(PutConnection::Refused(faults));
        }
        let outcome = match old {
            Some(_) => ConnectionChange::Replaced,
            None => ConnectionChange::Created,
        };
        let row = store_fields(change.on(), (owner, name), &update, old.as_ref(), context).await?;
        let row = self.store_secrets(change.on(), row, update).await?;
        let entry = AuditEntry::done("connection.put", "connection", &row.id.to_string()).with_detail(name);
        change.commit_with(&entry).await?;
        Ok(PutConnection::Stored(Box::new(row.try_into()?), outcome))
    }

    /// Seals the new secret fields for their row, and stores them beside those that stay.
    async fn store_secrets(
        self,
        on: &Transaction,
        row: connection::Model,
        update: ConnectorUpdate,
    ) -> Result<connection::Model, CatalogError> {
        let mut sealed = SealedFields::default();
        for (field, text) in update.kept {
            sealed.0.insert(field, SealedText::from_stored(text));
        }
        let ring = self.keys.current();
        for (field, text) in update.secrets {
            let text = ring.seal(&CONNECTION_FIELDS.field_place(row.id, &field), &text)?;
            sealed.0.insert(field, text);
        }
        let changed = connection::ActiveModel {
            id: Unchanged(row.id),
            sealed: Set(sealed.to_stored()),
            ..connection::ActiveModel::default()
        };
        Ok(connection::Entity::update(changed).exec(on).await?)
    }
}

/// Stores everything but the secret fields.
async fn store_fields(
    on: &Transaction,
    (owner, name): (ConnectionOwner, &str),
    update: &ConnectorUpdate,
    old: Option<&StoredConnection>,
    context: &AuditContext,
) -> Result<connection::Model, CatalogError> {
    let names = named_secrets(update, old.map(|old| &old.secret_names));
    let row = connection::ActiveModel {
        r#type: Set(update.connector_type.name.to_owned()),
        fields: Set(serde_json::json!(update.fields).to_string()),
        secret_names: Set(serde_json::json!(names).to_string()),
        host_keys: Set(kept_host_keys(update, old)),
        updated_at: Set(context.at.0),
        updated_by: Set(context.user.clone()),
        ..connection::ActiveModel::default()
    };
    let row = match old {
        Some(old) => {
            let row = connection::ActiveModel {
                id: Unchanged(old.id),
                ..row
            };
            connection::Entity::update(row).exec(on).await?
        }
        None => {
            let row = connection::ActiveModel {
                project_id: Set(owner.project()),
                name: Set(name.to_owned()),
                sealed: Set(SealedFields::default().to_stored()),
                granted_to_all: Set(false),
                created_at: Set(context.at.0),
                ..row
            };
            connection::Entity::insert(row).exec_with_returning(on).await?
        }
    };
    Ok(row)
}

/// Returns the accepted keys of the host, unless the host or the rule for its keys changes.
fn kept_host_keys(update: &ConnectorUpdate, old: Option<&StoredConnection>) -> Option<String> {
    let old = old?;
    let is_same = |key: &&str| update.fields.get(*key) == old.connector.fields.get(*key);
    if HOST_KEY_FIELDS.iter().all(is_same) {
        old.host_keys.clone()
    } else {
        None
    }
}
