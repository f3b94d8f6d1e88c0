//! Channels in requests and answers.

use std::collections::BTreeMap;

use catalog as stored;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// A channel to be stored: `type`, the fields of that type (see `GET /channel-types`), and `description`.
#[derive(ToSchema)]
#[schema(as = PutChannel)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
pub(crate) struct ChannelBody {
    /// The type, one of `GET /channel-types`.
    r#type: String,
    /// For people.
    description: Option<String>,
}

/// A channel; its secret fields are shown as `{"set": true}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Channel)]
pub(crate) struct ChannelView {
    name: String,
    #[serde(rename = "type")]
    channel_type: &'static str,
    /// Whether all projects share it; the list of a project shows of such a one its name and type.
    shared: bool,
    created_at: String,
    updated_at: String,
    updated_by: String,
    /// The fields of the type.
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}

impl From<stored::StoredChannel> for ChannelView {
    fn from(row: stored::StoredChannel) -> Self {
        Self {
            name: row.name,
            channel_type: row.channel_type,
            shared: row.owner == stored::ChannelOwner::Shared,
            created_at: format_time(row.created_at),
            updated_at: format_time(row.updated_at),
            updated_by: row.updated_by,
            fields: row.fields.into_iter().collect(),
        }
    }
}

impl ChannelView {
    /// Leaves out the fields, which only an administrator reads of a shared channel.
    pub(super) fn without_fields(mut self) -> Self {
        self.fields.retain(|key, _| key == "description");
        self
    }
}

/// What a test found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelTestView {
    /// Whether the message was sent.
    pub(super) ok: bool,
    /// What the receiver said, in words.
    pub(super) detail: String,
}

/// A type of channels.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelTypeView {
    /// The value of `type`.
    pub(super) name: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// The JSON Schema of a channel of this type; secret fields are `writeOnly`.
    pub(super) schema: Value,
}
