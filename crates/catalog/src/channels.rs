//! Channels of alerts: of a project, or shared by all.

mod channel_checks;
pub(crate) mod connection_users;
mod effective_channel;
mod owner;
mod resolve;
mod rule_users;
mod stored;

pub use self::owner::ChannelOwner;
pub use self::stored::{ChannelChange, ChannelPut, Channels, StoredChannel};
