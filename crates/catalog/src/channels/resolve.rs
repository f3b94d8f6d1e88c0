//! What sending to a channel needs: its fields with their secrets, its connection, its members.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::channel::CHANNELS;
use engine::connection::ResolvedConnection;
use engine::connector::{StoredConnector, fill_secrets};
use ports::{ChannelGap, ChannelName, ChannelSource, ResolvedChannel};
use secrets::SealedText;
use serde_json::{Map, Value};

use crate::catalog::Catalog;
use crate::channels::channel_checks::members_of;
use crate::channels::effective_channel::{find_effective, suggest_channel};
use crate::channels::owner::ChannelOwner;
use crate::channels::stored::{Channels, read_connector, read_secret_names};
use crate::connections::ConnectionOwner;
use crate::entity::channel;
use crate::error::CatalogError;
use crate::project_secrets::ProjectSecrets;
use crate::projects::ProjectId;

#[async_trait]
impl ChannelSource for Catalog {
    async fn resolve_channel(&self, channel: &ChannelName) -> Result<ResolvedChannel, ChannelGap> {
        self.channels().resolve(channel).await
    }
}

impl Channels<'_> {
    async fn resolve(self, channel: &ChannelName) -> Result<ResolvedChannel, ChannelGap> {
        let owner = ChannelOwner::from_column(channel.project);
        let on = self.store().reader();
        let found = find_effective(on, owner, &channel.name).await.map_err(gap_of)?;
        let Some(row) = found else {
            let hint = suggest_channel(on, owner, &channel.name).await.map_err(gap_of)?;
            let what = format!("there is no channel `{}`{hint}", channel.name);
            return Err(ChannelGap::Missing(what));
        };
        let connector = read_connector(&row).map_err(gap_of)?;
        let values = self.read_named_secrets(&row).await?;
        let mut texts: BTreeMap<String, String> = connector.references(CHANNELS).into_iter().collect();
        texts.extend(self.open(&row, &connector)?);
        for text in texts.values_mut() {
            let filled = fill_secrets(text, &|name| values.get(name).cloned());
            *text = filled.map_err(|missing| {
                ChannelGap::Missing(format!("the channel `{}` cannot be used: {missing}", row.name))
            })?;
        }
        let secrets = texts.values().chain(values.values()).cloned().collect();
        let fields = connector.reveal(CHANNELS, texts);
        let connection = match fields.get("connection").and_then(Value::as_str) {
            Some(name) => Some(
                self.resolve_connection(ChannelOwner::from_column(row.project_id), name)
                    .await?,
            ),
            None => None,
        };
        Ok(ResolvedChannel {
            channel_type: row.channel_type.clone(),
            members: members(&fields, channel.project),
            fields,
            secrets,
            connection,
        })
    }

    /// Finds the connection of an e-mail channel: one that its project may use, or a shared one of a shared channel.
    async fn resolve_connection(
        self,
        owner: ChannelOwner,
        name: &str,
    ) -> Result<ResolvedConnection, ChannelGap> {
        let connections = self.connections();
        let found = match owner {
            ChannelOwner::Project(project) => connections.find_effective(project, name).await,
            ChannelOwner::Shared => connections.find(ConnectionOwner::Shared, name).await,
        };
        let missing = || {
            ChannelGap::Missing(format!(
                "there is no connection `{name}` that the channel may use"
            ))
        };
        let stored = found.map_err(gap_of)?.ok_or_else(missing)?;
        let resolved = connections.resolve(&stored).await.map_err(gap_of)?;
        resolved.map_err(|why| ChannelGap::Missing(why.to_string()))
    }

    /// Reads the values of the secrets that a channel names, as they are at this moment.
    async fn read_named_secrets(self, row: &channel::Model) -> Result<BTreeMap<String, String>, ChannelGap> {
        let names = read_secret_names(row).map_err(gap_of)?;
        let names: Vec<String> = names.into_values().flatten().collect();
        let secrets = ProjectSecrets::new(self.store(), self.keys());
        let project = row.project_id.map(ProjectId);
        secrets.read_named(project, &names).await.map_err(gap_of)
    }

    /// Opens the sealed fields of a row.
    fn open(
        self,
        row: &channel::Model,
        connector: &StoredConnector,
    ) -> Result<BTreeMap<String, String>, ChannelGap> {
        let keys = self.keys().current();
        let open = |(pointer, text): (&String, &String)| {
            let place = secrets::CHANNEL_FIELDS.field_place(row.id, pointer);
            let value = keys.open(&place, &SealedText::from_stored(text.as_str()));
            let value = value.map_err(|error| {
                ChannelGap::Missing(format!(
                    "`{}` of the channel cannot be read: {error}",
                    &pointer[1..]
                ))
            })?;
            Ok((pointer.clone(), value.reveal().to_owned()))
        };
        connector.sealed.iter().map(open).collect()
    }
}

/// Members are looked up like the names in rules of the same place.
fn members(fields: &Map<String, Value>, project: Option<i64>) -> Vec<ChannelName> {
    let names = members_of(&Value::Object(fields.clone())).into_iter();
    names.map(|name| ChannelName { project, name }).collect()
}

/// What is unavailable may be there later; all else stays as it is until a user changes it.
fn gap_of(error: CatalogError) -> ChannelGap {
    match error {
        CatalogError::Unavailable(why) => ChannelGap::Unavailable(why),
        CatalogError::NotFound { .. } | CatalogError::Conflict { .. } | CatalogError::Rejected(_) => {
            ChannelGap::Missing(error.to_string())
        }
    }
}
