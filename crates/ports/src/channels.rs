//! The port to what is stored about channels.

use async_trait::async_trait;
use engine::connection::ResolvedConnection;
use serde_json::{Map, Value};

use crate::alerts::ChannelName;

/// A channel with everything that sending needs. It holds secrets: it is never printed.
pub struct ResolvedChannel {
    /// The name of its type.
    pub channel_type: String,
    /// Its fields, defaults filled in and secrets in the clear.
    pub fields: Map<String, Value>,
    /// The secrets among them, which no error may show.
    pub secrets: Vec<String>,
    /// The connection that it names.
    pub connection: Option<ResolvedConnection>,
    /// The channels that it stands for, when it is a group.
    pub members: Vec<ChannelName>,
}

/// Why a channel cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelGap {
    /// Something is missing until a user adds it; trying again does not help.
    #[error("{0}")]
    Missing(String),
    /// The store cannot be reached: try again.
    #[error("{0}")]
    Unavailable(String),
}

/// Finds channels.
#[async_trait]
pub trait ChannelSource: Send + Sync + 'static {
    /// Finds what a name means now: the project's own channel goes before a shared one.
    async fn resolve_channel(&self, channel: &ChannelName) -> Result<ResolvedChannel, ChannelGap>;
}
