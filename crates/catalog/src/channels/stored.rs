//! The channels themselves.

use std::collections::BTreeMap;

use engine::channel::CHANNELS;
use engine::connector::{ConnectorDraft, ConnectorUpdate, StoredConnector};
use engine::ids::Timestamp;
use engine::spec::Diagnostic;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use secrets::{SealedFields, SealedText, SharedKeyRing};
use serde_json::{Map, Value};
use store::{Store, Transaction};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::channels::channel_checks::{ChannelSubject, check_channel, check_connection, find_group_of};
use crate::channels::owner::ChannelOwner;
use crate::channels::rule_users::find_rules_of;
use crate::columns::{parse_json, unreadable};
use crate::connections::Connections;
use crate::context::AuditContext;
use crate::entity::channel;
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::project_secrets::ProjectSecrets;
use crate::project_secrets::named::{NamedSecrets, named_secrets};
use crate::projects::ProjectId;

/// The name of the list in its cursors.
const LIST: &str = "channels";

/// A stored channel, as users see it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredChannel {
    /// Unique in its project, or among the shared ones.
    pub name: String,
    /// Whose rules may name it.
    pub owner: ChannelOwner,
    /// The name of its type.
    pub channel_type: &'static str,
    /// Its fields, defaults filled in; of a secret only that it is set.
    pub fields: Map<String, Value>,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

/// Whether a channel was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelChange {
    /// It was.
    Created,
    /// It replaces one of its name.
    Replaced,
}

/// What became of a channel that was to be stored.
#[derive(Debug)]
pub enum ChannelPut {
    /// It is stored.
    Stored(Box<StoredChannel>, ChannelChange),
    /// Nothing was changed: this is wrong with it.
    Refused(Vec<Diagnostic>),
}

/// The channels.
#[derive(Debug, Clone, Copy)]
pub struct Channels<'a> {
    store: &'a Store,
    keys: &'a SharedKeyRing,
}

impl<'a> Channels<'a> {
    pub(crate) fn new(store: &'a Store, keys: &'a SharedKeyRing) -> Self {
        Self { store, keys }
    }

    pub(super) fn store(&self) -> &'a Store {
        self.store
    }

    pub(super) fn connections(&self) -> Connections<'a> {
        Connections::new(self.store, self.keys)
    }

    pub(super) fn keys(&self) -> &'a SharedKeyRing {
        self.keys
    }

    /// Lists the channels that the rules of an owner may name: those of a project, then the shared ones, each by name.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        owner: ChannelOwner,
        page: &PageRequest,
    ) -> Result<Page<StoredChannel>, CatalogError> {
        let after = page.after::<String>(LIST)?;
        let mut items = match (owner, after.as_deref().and_then(shared_key)) {
            (ChannelOwner::Project(_), None) => {
                self.list_of(owner, after.as_deref().and_then(own_key), page.rows())
                    .await?
            }
            (ChannelOwner::Project(_) | ChannelOwner::Shared, _) => Vec::new(),
        };
        let left = page
            .rows()
            .saturating_sub(u64::try_from(items.len()).unwrap_or(u64::MAX));
        let after = after.as_deref().and_then(shared_key);
        items.extend(self.list_of(ChannelOwner::Shared, after, left).await?);
        Ok(Page::cut(LIST, page, items, cursor_key))
    }

    async fn list_of(
        self,
        owner: ChannelOwner,
        after: Option<&str>,
        count: u64,
    ) -> Result<Vec<StoredChannel>, CatalogError> {
        let rows = channel::Entity::find()
            .filter(owner.condition())
            .filter(channel::Column::Name.gt(after.unwrap_or_default()))
            .order_by_asc(channel::Column::Name)
            .limit(count)
            .all(self.store.reader())
            .await?;
        rows.into_iter().map(StoredChannel::try_from).collect()
    }

    /// Reads a channel; none when the owner itself has none of that name.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, owner: ChannelOwner, name: &str) -> Result<Option<StoredChannel>, CatalogError> {
        let row = channel::Entity::find()
            .filter(owner.condition())
            .filter(channel::Column::Name.eq(name))
            .one(self.store.reader())
            .await?;
        row.map(StoredChannel::try_from).transpose()
    }

    /// Stores a channel: messages that are sent from now on use it.
    ///
    /// # Errors
    /// `Conflict` with `NO_SECRETS_KEY`.
    pub async fn put(
        self,
        owner: ChannelOwner,
        name: &str,
        draft: ConnectorDraft,
        context: &AuditContext,
    ) -> Result<ChannelPut, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_channel(change.on(), owner, name).await?;
        let stored = row.as_ref().map(read_connector).transpose()?;
        let old_names = row.as_ref().map(read_secret_names).transpose()?;
        let update = match draft.merge(stored.as_ref()) {
            Ok(update) => update,
            Err(faults) => return Ok(ChannelPut::Refused(faults)),
        };
        let subject = ChannelSubject { owner, name };
        let mut faults = check_channel(change.on(), subject, &update).await?;
        let secrets = ProjectSecrets::new(self.store, self.keys);
        let named = (CHANNELS, &update);
        faults.extend(
            secrets
                .check_named(change.on(), owner.project().map(ProjectId), named)
                .await?,
        );
        faults.extend(check_connection(self.connections(), owner, &update).await?);
        if !faults.is_empty() {
            return Ok(ChannelPut::Refused(faults));
        }
        let outcome = match row {
            Some(_) => ChannelChange::Replaced,
            None => ChannelChange::Created,
        };
        let names = named_secrets(&update, old_names.as_ref());
        let row = self
            .write(change.on(), (row, subject), (update, names), context)
            .await?;
        let stored = StoredChannel::try_from(row)?;
        let entry = AuditEntry::done("channel.put", "channel", name).with_detail(stored.channel_type);
        change.commit_with(&entry).await?;
        Ok(ChannelPut::Stored(Box::new(stored), outcome))
    }

    /// Writes the row, then its secrets, which are bound to its id.
    async fn write(
        self,
        on: &Transaction,
        (row, subject): (Option<channel::Model>, ChannelSubject<'_>),
        (update, names): (ConnectorUpdate, NamedSecrets),
        context: &AuditContext,
    ) -> Result<channel::Model, CatalogError> {
        let new = channel::ActiveModel {
            secret_names: Set(serde_json::json!(names).to_string()),
            channel_type: Set(update.connector_type.name.to_owned()),
            fields: Set(Value::Object(update.fields.clone()).to_string()),
            updated_at: Set(context.at.0),
            updated_by: Set(context.user.clone()),
            ..channel::ActiveModel::default()
        };
        let row = match row {
            Some(row) => row,
            None => {
                let row = channel::ActiveModel {
                    project_id: Set(subject.owner.project()),
                    name: Set(subject.name.to_owned()),
                    sealed: Set("{}".to_owned()),
                    created_at: Set(context.at.0),
                    ..new.clone()
                };
                channel::Entity::insert(row).exec_with_returning(on).await?
            }
        };
        let sealed = self.seal(row.id, update)?;
        let new = channel::ActiveModel {
            id: Unchanged(row.id),
            sealed: Set(sealed.to_stored()),
            ..new
        };
        Ok(channel::Entity::update(new).exec(on).await?)
    }

    fn seal(self, row: i64, update: ConnectorUpdate) -> Result<SealedFields, CatalogError> {
        let keys = self.keys.current();
        let kept = update.kept.into_iter();
        let mut sealed: BTreeMap<String, SealedText> = kept
            .map(|(pointer, text)| (pointer, SealedText::from_stored(text)))
            .collect();
        for (pointer, text) in update.secrets {
            let value = keys.seal(&secrets::CHANNEL_FIELDS.field_place(row, &pointer), &text)?;
            sealed.insert(pointer, value);
        }
        Ok(SealedFields(sealed))
    }

    /// Deletes a channel that no rule and no group names.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `IN_USE`.
    pub async fn delete(
        self,
        owner: ChannelOwner,
        name: &str,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_channel(change.on(), owner, name).await?;
        let row = row.ok_or_else(|| CatalogError::not_found(format!("channel `{name}`")))?;
        if let Some(group) = find_group_of(change.on(), owner, name).await? {
            let detail = format!("the channel is a member of the group `{group}`");
            return Err(CatalogError::conflict("IN_USE", detail));
        }
        let rules = find_rules_of(self.store, change.on(), owner, name).await?;
        if !rules.is_empty() {
            let detail = format!("the channel is named by {}", rules.join(", "));
            return Err(CatalogError::conflict("IN_USE", detail));
        }
        channel::Entity::delete_by_id(row.id).exec(change.on()).await?;
        change.commit("channel.delete", "channel", name).await
    }
}

impl TryFrom<channel::Model> for StoredChannel {
    type Error = CatalogError;

    fn try_from(row: channel::Model) -> Result<Self, CatalogError> {
        let connector = read_connector(&row)?;
        Ok(Self {
            owner: ChannelOwner::from_column(row.project_id),
            name: row.name,
            channel_type: connector.connector_type.name,
            fields: connector.show(CHANNELS),
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
            updated_by: row.updated_by,
        })
    }
}

/// Reads the fields of a row.
pub(super) fn read_connector(row: &channel::Model) -> Result<StoredConnector, CatalogError> {
    let unknown = || {
        unreadable(
            "type",
            format!("this version knows no type `{}`", row.channel_type),
        )
    };
    Ok(StoredConnector {
        connector_type: CHANNELS.find_type(&row.channel_type).ok_or_else(unknown)?,
        fields: parse_json("fields", &row.fields)?,
        sealed: parse_json("sealed", &row.sealed)?,
    })
}

/// Reads the secrets that the fields of a row name.
pub(super) fn read_secret_names(row: &channel::Model) -> Result<NamedSecrets, CatalogError> {
    parse_json("secret_names", &row.secret_names)
}

/// Reads a channel and keeps others from changing it until the transaction ends.
async fn lock_channel(
    on: &Transaction,
    owner: ChannelOwner,
    name: &str,
) -> Result<Option<channel::Model>, CatalogError> {
    let row = channel::Entity::find()
        .filter(owner.condition())
        .filter(channel::Column::Name.eq(name))
        .lock(LockType::Update)
        .one(on)
        .await?;
    Ok(row)
}

/// The key of a list that has those of a project, then the shared ones.
fn cursor_key(channel: &StoredChannel) -> String {
    match channel.owner {
        ChannelOwner::Project(_) => format!("own/{}", channel.name),
        ChannelOwner::Shared => format!("shared/{}", channel.name),
    }
}

fn own_key(key: &str) -> Option<&str> {
    key.strip_prefix("own/")
}

fn shared_key(key: &str) -> Option<&str> {
    key.strip_prefix("shared/")
}
