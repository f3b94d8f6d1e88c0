//! The connections themselves.

use std::collections::BTreeMap;

use engine::connection::{CONNECTIONS, ResolvedConnection};
use engine::connector::{MissingSecret, StoredConnector, fill_secrets};
use engine::ids::Timestamp;
use sea_orm::sea_query::{Expr, LockType, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use secrets::{CONNECTION_FIELDS, SealedFields, SealedText, SharedKeyRing, UnreadableValue};
use serde_json::{Map, Value};
use store::{Store, Transaction};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::channels::connection_users::find_channels_of;
use crate::columns::{parse_json, unreadable};
use crate::connections::owner::ConnectionOwner;
use crate::connections::references::find_users;
use crate::connections::removal::delete_rows;
use crate::context::AuditContext;
use crate::entity::{connection, connection_grant};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::project_secrets::ProjectSecrets;
use crate::projects::ProjectId;

/// The name of the list in its cursors.
const LIST: &str = "connections";

/// A stored connection; its secret fields stay sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConnection {
    /// Its row.
    pub(super) id: i64,
    /// Unique in its project, or among the shared ones.
    pub name: String,
    /// Whose tasks may name it.
    pub owner: ConnectionOwner,
    /// Its type and fields.
    pub connector: StoredConnector,
    /// The secrets that its secret fields name.
    pub(super) secret_names: BTreeMap<String, Vec<String>>,
    /// Lines of known_hosts, accepted at the first contact.
    pub host_keys: Option<String>,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

/// A connection that a project may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedConnection {
    /// One of its own.
    Own(StoredConnection),
    /// A shared one that is granted to it.
    Shared {
        /// Its name.
        name: String,
        /// Its type.
        connection_type: String,
    },
}

impl ListedConnection {
    fn name(&self) -> &str {
        match self {
            Self::Own(connection) => &connection.name,
            Self::Shared { name, .. } => name,
        }
    }
}

impl TryFrom<connection::Model> for StoredConnection {
    type Error = CatalogError;

    fn try_from(row: connection::Model) -> Result<Self, CatalogError> {
        let connection_type = CONNECTIONS.find_type(&row.r#type);
        let connection_type = connection_type.ok_or_else(|| unreadable("type", &row.r#type))?;
        let sealed = SealedFields::from_stored(&row.sealed);
        let sealed = sealed.ok_or_else(|| unreadable("sealed", "it is no JSON of sealed fields"))?;
        let sealed = sealed.0.into_iter();
        Ok(Self {
            id: row.id,
            owner: ConnectionOwner::of_row(&row),
            connector: StoredConnector {
                connector_type: connection_type,
                fields: parse_json("fields", &row.fields)?,
                sealed: sealed.map(|(field, text)| (field, text.to_string())).collect(),
            },
            secret_names: parse_json("secret_names", &row.secret_names)?,
            name: row.name,
            host_keys: row.host_keys,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
            updated_by: row.updated_by,
        })
    }
}

/// Why a stored connection cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableConnection {
    /// A secret field cannot be opened.
    #[error("the field `{field}` of the connection `{connection}`: {why}")]
    Unreadable {
        /// The connection.
        connection: String,
        /// The JSON pointer of the field.
        field: String,
        /// Why.
        why: UnreadableValue,
    },
    /// It names a secret that is gone.
    #[error("the connection `{connection}` names a secret that does not exist: {missing}")]
    MissingSecret {
        /// The connection.
        connection: String,
        /// Which.
        missing: MissingSecret,
    },
}

impl StoredConnection {
    /// Returns its fields as users see them.
    pub fn shown_fields(&self) -> Map<String, Value> {
        self.connector.show(CONNECTIONS)
    }

    /// Returns the names of the secrets of the project that it needs.
    pub fn needed_secrets(&self) -> Vec<String> {
        let mut names: Vec<String> = self.secret_names.values().flatten().cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// Opens its secret fields with the keys of this node, and fills in the secrets of the project.
    ///
    /// # Errors
    /// A field cannot be opened, or names a secret that `secrets` has not.
    pub fn resolve(
        &self,
        keys: &SharedKeyRing,
        secrets: &BTreeMap<String, String>,
    ) -> Result<ResolvedConnection, UnusableConnection> {
        let ring = keys.current();
        let mut opened = BTreeMap::new();
        for (field, sealed) in &self.connector.sealed {
            let sealed = SealedText::from_stored(sealed);
            let text = ring.open(&CONNECTION_FIELDS.field_place(self.id, field), &sealed);
            let text = text.map_err(|why| UnusableConnection::Unreadable {
                connection: self.name.clone(),
                field: field.clone(),
                why,
            })?;
            opened.insert(field.clone(), text.reveal().to_owned());
        }
        let mut resolved = resolve_connector(&self.name, &self.connector, opened, secrets)?;
        if let Some(accepted) = &self.host_keys {
            let accepted = Value::from(accepted.as_str());
            resolved.fields.insert("accepted_keys".to_owned(), accepted);
        }
        Ok(resolved)
    }
}

/// Returns a connection with the opened texts of its secret fields, in which secrets of the project are filled in.
pub(super) fn resolve_connector(
    name: &str,
    connector: &StoredConnector,
    opened: BTreeMap<String, String>,
    secrets: &BTreeMap<String, String>,
) -> Result<ResolvedConnection, UnusableConnection> {
    let mut texts: BTreeMap<String, String> = connector.references(CONNECTIONS).into_iter().collect();
    texts.extend(opened);
    for text in texts.values_mut() {
        let filled = fill_secrets(text, &|name| secrets.get(name).cloned());
        *text = filled.map_err(|missing| UnusableConnection::MissingSecret {
            connection: name.to_owned(),
            missing,
        })?;
    }
    Ok(ResolvedConnection {
        name: name.to_owned(),
        connection_type: connector.connector_type.name.to_owned(),
        secrets: texts.values().chain(secrets.values()).cloned().collect(),
        fields: connector.reveal(CONNECTIONS, texts),
    })
}

/// The connections.
#[derive(Debug, Clone, Copy)]
pub struct Connections<'a> {
    pub(super) store: &'a Store,
    pub(super) keys: &'a SharedKeyRing,
}

impl<'a> Connections<'a> {
    pub(crate) fn new(store: &'a Store, keys: &'a SharedKeyRing) -> Self {
        Self { store, keys }
    }

    /// Returns the secrets that connections of projects name.
    pub(super) fn project_secrets(self) -> ProjectSecrets<'a> {
        ProjectSecrets::new(self.store, self.keys)
    }

    /// Lists the shared connections by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list_shared(self, page: &PageRequest) -> Result<Page<StoredConnection>, CatalogError> {
        let rows = self.list_rows(ConnectionOwner::Shared.condition(), page).await?;
        let items = rows
            .into_iter()
            .map(StoredConnection::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::cut(LIST, page, items, |item: &StoredConnection| {
            item.name.clone()
        }))
    }

    /// Lists the connections that a project may use by name: its own, and the shared ones that are granted to it.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list_usable(
        self,
        project: ProjectId,
        page: &PageRequest,
    ) -> Result<Page<ListedConnection>, CatalogError> {
        let usable = Condition::any()
            .add(connection::Column::ProjectId.eq(project.0))
            .add(granted_to(project).add(connection::Column::Name.not_in_subquery(own_names(project))));
        let rows = self.list_rows(usable, page).await?;
        let items = rows
            .into_iter()
            .map(|row| match row.project_id {
                Some(_) => Ok(ListedConnection::Own(row.try_into()?)),
                None => Ok(ListedConnection::Shared {
                    name: row.name,
                    connection_type: row.r#type,
                }),
            })
            .collect::<Result<_, CatalogError>>()?;
        Ok(Page::cut(LIST, page, items, |item: &ListedConnection| {
            item.name().to_owned()
        }))
    }

    async fn list_rows(
        self,
        condition: Condition,
        page: &PageRequest,
    ) -> Result<Vec<connection::Model>, CatalogError> {
        let after = page.after::<String>(LIST)?.unwrap_or_default();
        let rows = connection::Entity::find()
            .filter(condition)
            .filter(connection::Column::Name.gt(after))
            .order_by_asc(connection::Column::Name)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        Ok(rows)
    }

    /// Reads a connection; none when there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(
        self,
        owner: ConnectionOwner,
        name: &str,
    ) -> Result<Option<StoredConnection>, CatalogError> {
        let row = select(owner, name).one(self.store.reader()).await?;
        row.map(StoredConnection::try_from).transpose()
    }

    /// Deletes a connection that no current document names.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `IN_USE`.
    pub async fn delete(
        self,
        owner: ConnectionOwner,
        name: &str,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_connection(change.on(), owner, name)
            .await?
            .ok_or_else(|| missing_connection(name))?;
        let mut users = find_users(change.on(), owner, name).await?;
        users.extend(find_channels_of(change.on(), owner.project(), name).await?);
        if !users.is_empty() {
            let detail = format!("the connection is named by {}", users.join(", "));
            return Err(CatalogError::conflict("IN_USE", detail));
        }
        delete_rows(change.on(), connection::Column::Id.eq(row.id)).await?;
        let entry =
            AuditEntry::done("connection.delete", "connection", &row.id.to_string()).with_detail(name);
        change.commit_with(&entry).await
    }

    /// Keeps the key of a host that was accepted at the first contact, unless another one was before, or the
    /// connection has changed since it was read. The key is of the system, not of a user: it is no change of theirs.
    ///
    /// # Errors
    /// `Unavailable`: the next contact is the first one again.
    pub async fn keep_host_key(self, read: &StoredConnection, line: &str) -> Result<(), CatalogError> {
        connection::Entity::update_many()
            .col_expr(connection::Column::HostKeys, Expr::value(line))
            .filter(connection::Column::Id.eq(read.id))
            .filter(connection::Column::UpdatedAt.eq(read.updated_at.0))
            .filter(connection::Column::HostKeys.is_null())
            .exec(self.store.writer())
            .await?;
        Ok(())
    }
}

/// Returns the condition for the shared connections that are granted to a project.
pub(super) fn granted_to(project: ProjectId) -> Condition {
    let granted = Query::select()
        .column(connection_grant::Column::ConnectionId)
        .from(connection_grant::Entity)
        .and_where(connection_grant::Column::ProjectId.eq(project.0))
        .to_owned();
    Condition::all().add(connection::Column::ProjectId.is_null()).add(
        Condition::any()
            .add(connection::Column::GrantedToAll.eq(true))
            .add(connection::Column::Id.in_subquery(granted)),
    )
}

fn own_names(project: ProjectId) -> SelectStatement {
    Query::select()
        .column(connection::Column::Name)
        .from(connection::Entity)
        .and_where(connection::Column::ProjectId.eq(project.0))
        .to_owned()
}

pub(super) fn missing_connection(name: &str) -> CatalogError {
    CatalogError::not_found(format!("connection `{name}`"))
}

fn select(owner: ConnectionOwner, name: &str) -> sea_orm::Select<connection::Entity> {
    connection::Entity::find()
        .filter(owner.condition())
        .filter(connection::Column::Name.eq(name))
}

/// Reads a connection and keeps others from changing it until the transaction ends.
pub(super) async fn lock_connection(
    on: &Transaction,
    owner: ConnectionOwner,
    name: &str,
) -> Result<Option<connection::Model>, CatalogError> {
    Ok(select(owner, name).lock(LockType::Update).one(on).await?)
}
